import { plural } from "@/design/format";
import styles from "./starts.module.css";
import { partsOf } from "./windows";

/** A backfill's windows as one bar, by phase. */
export function Progress({ counts }: { counts: Record<string, number> }) {
  const parts = partsOf(counts);
  return (
    <span
      className={styles.progress}
      role="img"
      aria-label={parts.map(({ phase, count }) => `${count} ${phase}`).join(", ")}
      title={parts.map(({ phase, count }) => `${plural(count, "window")} ${phase}`).join(", ")}
    >
      {parts.map(({ phase, count, tone }) => (
        <i key={phase} data-tone={tone} style={{ flexGrow: count }} />
      ))}
    </span>
  );
}
