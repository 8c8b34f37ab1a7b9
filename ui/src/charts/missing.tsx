import type { Schemas } from "@/api/client";
import { formatCount, formatShare } from "@/design/format";
import styles from "./missing.module.css";

type Column = Schemas["ColumnProfile"];

/** Which columns have gaps, the largest first. */
export function Missing({ columns, rows }: { columns: Column[]; rows: number }) {
  const gaps = columns.filter((one) => one.nulls > 0).sort((a, b) => b.nulls - a.nulls);
  if (gaps.length === 0) return <p className={styles.none}>Every value is there.</p>;
  return (
    <ul className={styles.gaps}>
      {gaps.map((one) => (
        <li key={one.name} title={`${formatCount(one.nulls)} of ${formatCount(rows)} rows`}>
          <span className={styles.name}>{one.name}</span>
          <span className={styles.track}>
            <span style={{ width: `${(one.nulls / Math.max(rows, 1)) * 100}%` }} />
          </span>
          <span className={styles.share}>{formatShare(one.nulls / Math.max(rows, 1))}</span>
        </li>
      ))}
    </ul>
  );
}
