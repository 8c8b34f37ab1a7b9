import type { Schemas } from "@/api/client";
import { formatNumber } from "@/design/format";
import { written } from "./columns";
import styles from "./decision-page.module.css";

/** How an answer is shared among columns, largest first, each from the middle outwards. */
export function Shares({ one }: { one: Schemas["ExplainedDecision"] }) {
  const most = Math.max(...one.shares.map((share) => Math.abs(share.share)), Number.MIN_VALUE);
  return (
    <ul className={styles.shares}>
      {one.shares.map(({ column, value, share, description }) => (
        <li className={styles.share} key={column} title={description || undefined}>
          <span className={styles.input}>
            <span className={styles.column}>{column}</span>
            <span className={styles.given}>{written(value)}</span>
          </span>
          <span className={styles.track} aria-hidden="true">
            <span
              className={styles.fill}
              data-down={share < 0 || undefined}
              style={{ width: `${(Math.abs(share) / most) * 50}%` }}
            />
          </span>
          <span className={styles.number}>{signed(share)}</span>
        </li>
      ))}
    </ul>
  );
}

/** A number that says which way it goes. */
export function signed(value: number): string {
  return value > 0 ? `+${formatNumber(value)}` : formatNumber(value);
}
