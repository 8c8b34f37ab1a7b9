import { Tooltip } from "@mantine/core";
import type { Schemas } from "@/api/client";
import { formatCount, formatDay, formatNumber, formatShare } from "@/design/format";
import styles from "./bars.module.css";

type Profile = Schemas["ColumnProfile"];
type Bar = Schemas["Bar"];

/** How a column's values are spread: upright bars for ranges, lying ones for words. */
export function Bars({ column }: { column: Profile }) {
  if (column.kind === "hidden") {
    return <p className={styles.hidden}>Personal, or a key: counted, never profiled.</p>;
  }
  return column.kind === "category" ? <Words column={column} /> : <Ranges column={column} />;
}

function Ranges({ column }: { column: Profile }) {
  const most = Math.max(...column.bars.map((bar) => bar.count), 1);
  const write = (value: number | null | undefined) =>
    column.kind === "time" && value != null ? formatDay(value * 1000) : formatNumber(value);
  const [first, last] = [column.bars[0], column.bars.at(-1)];
  return (
    <div>
      <div className={styles.ranges}>
        {column.bars.map((bar) => (
          <Tooltip
            key={`${bar.since}:${bar.until}`}
            label={`${rangeOf(bar, write)}: ${formatCount(bar.count)}`}
            transitionProps={{ duration: 0 }}
          >
            <span className={styles.slot}>
              <span
                className={styles.range}
                data-open={bar.until == null || undefined}
                style={{ height: `${(bar.count / most) * 100}%` }}
              />
            </span>
          </Tooltip>
        ))}
      </div>
      <div className={styles.ends}>
        <span>{write(first?.since ?? first?.until)}</span>
        <span>{last?.until == null ? `above ${write(last?.since)}` : write(last.until)}</span>
      </div>
    </div>
  );
}

function rangeOf(bar: Bar, write: (value: number | null | undefined) => string): string {
  if (bar.since == null) return `up to ${write(bar.until)}`;
  if (bar.until == null) return `above ${write(bar.since)}`;
  return `${write(bar.since)} to ${write(bar.until)}`;
}

function Words({ column }: { column: Profile }) {
  const shown = column.bars.slice(0, 6);
  const most = Math.max(...shown.map((bar) => bar.count), 1);
  return (
    <ul className={styles.words}>
      {shown.map((bar) => (
        <li key={bar.label || "rest"}>
          <span className={styles.word}>{bar.label || "all others"}</span>
          <span className={styles.track}>
            <span className={styles.fill} style={{ width: `${(bar.count / most) * 100}%` }} />
          </span>
          <span className={styles.share}>{formatShare(bar.count / Math.max(column.count, 1))}</span>
        </li>
      ))}
      {column.bars.length > shown.length && (
        <li className={styles.more}>and {column.bars.length - shown.length} more</li>
      )}
    </ul>
  );
}
