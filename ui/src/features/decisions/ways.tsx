import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { capitalize, formatNumber } from "@/design/format";
import { written } from "./columns";
import styles from "./decision-page.module.css";

/** What would have to be another for the decision to go the other way, one way a line. */
export function Ways({ one }: { one: Schemas["ExplainedDecision"] }) {
  if (one.ways.length === 0)
    return <Empty title="No way to show">{capitalize(one.ways_missing)}</Empty>;
  return (
    <ul className={styles.ways}>
      {one.ways.map((way) => (
        <li className={styles.way} key={way.changes.map((change) => change.column).join()}>
          {way.changes.map((change) => (
            <span
              className={styles.change}
              key={change.column}
              title={change.description || undefined}
            >
              {change.column} {written(change.before)} → <b>{written(change.after)}</b>
            </span>
          ))}
          <span className={styles.given}>
            then {formatNumber(way.answer)}, cost {formatNumber(way.cost)}
          </span>
        </li>
      ))}
    </ul>
  );
}
