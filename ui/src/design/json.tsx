import styles from "./json.module.css";
import { Value } from "./value";

const OPEN_MOST = 6;

/** JSON as nested names and values, folded below the second level. */
export function Json({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (value === null || typeof value !== "object") {
    return (
      <span className={styles.value}>
        <Value value={value} />
      </span>
    );
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return <span className={styles.none}>none</span>;
  return (
    <ul className={styles.list} data-depth={depth}>
      {entries.map(([name, inner]) => (
        <li key={name}>
          {isBranch(inner) ? (
            <details open={depth < 1 && Object.keys(inner).length <= OPEN_MOST}>
              <summary>{Array.isArray(value) ? titleOf(inner, name) : name}</summary>
              <Json value={inner} depth={depth + 1} />
            </details>
          ) : (
            <span className={styles.pair}>
              {!Array.isArray(value) && <span className={styles.name}>{name}</span>}
              <Json value={inner} depth={depth + 1} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function isBranch(value: unknown): value is object {
  return value !== null && typeof value === "object" && Object.keys(value).length > 0;
}

function titleOf(value: object, fallback: string): string {
  const named = value as { name?: unknown; type?: unknown };
  return [named.type, named.name].filter((part) => typeof part === "string").join(" ") || fallback;
}
