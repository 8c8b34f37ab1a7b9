import { Tooltip } from "@mantine/core";
import type { Schemas } from "@/api/client";
import { formatNumber, formatShare } from "@/design/format";
import styles from "./spread.module.css";

type Spread = Schemas["Spread"];
type Bar = Schemas["SpreadBar"];

/** A column in one window as bars, with a mark on each at what it was in the training rows. */
export function SpreadBars({ spread }: { spread: Spread }) {
  const bars = spread.bars.filter((bar) => bar.before > 0 || bar.after > 0);
  const most = Math.max(...bars.flatMap((bar) => [bar.before, bar.after]), 0.001);
  const height = (share: number) => `${(share / most) * 100}%`;
  return (
    <div className={styles.bars} role="img" aria-label={`Shares of ${spread.column}`}>
      {bars.map((bar) => (
        <Tooltip
          key={`${bar.label}:${bar.since}:${bar.until}`}
          label={`${nameOf(bar, spread.ordered)}: ${formatShare(bar.after)}, ${formatShare(bar.before)} in training`}
          transitionProps={{ duration: 0 }}
        >
          <span className={styles.slot}>
            <span className={styles.after} style={{ height: height(bar.after) }} />
            <span className={styles.before} style={{ bottom: height(bar.before) }} />
          </span>
        </Tooltip>
      ))}
    </div>
  );
}

function nameOf(bar: Bar, ordered: boolean): string {
  if (bar.label) return bar.label;
  if (!ordered) return "all others";
  if (bar.since == null && bar.until == null) return "any value";
  if (bar.since == null) return `up to ${formatNumber(bar.until)}`;
  if (bar.until == null) return `above ${formatNumber(bar.since)}`;
  return `${formatNumber(bar.since)} to ${formatNumber(bar.until)}`;
}
