import { useElementSize } from "@mantine/hooks";
import { formatNumber } from "@/design/format";
import { colorOf, toneOf } from "@/design/tone";
import styles from "./interval.module.css";

interface IntervalProps {
  estimate: number;
  lower: number;
  upper: number;
  threshold: number;
  direction: string;
  verdict: string;
}

const WIDEST = 720;
const HEIGHT = 66;
const MIDDLE = 24;
const PADDING = 56;
const INWARD = 10;

/** A bound held against a threshold: the bar must lie wholly on the shaded side. */
export function Interval(props: IntervalProps) {
  const { estimate, lower, upper, threshold, direction, verdict } = props;
  const { ref, width: room } = useElementSize();
  const width = Math.min(room || WIDEST, WIDEST);
  const low = Math.min(lower, threshold, estimate);
  const high = Math.max(upper, threshold, estimate);
  const air = (high - low || 1) * 0.18;
  const x = (value: number) =>
    PADDING + ((value - low + air) / (high - low + 2 * air)) * (width - 2 * PADDING);
  const nudge = Math.min(INWARD, (x(upper) - x(lower)) / 2 - INWARD);
  const color = colorOf(toneOf(verdict));
  const atLeast = direction === "at_least";
  return (
    <div ref={ref}>
      <svg
        width="100%"
        height={HEIGHT}
        className={styles.interval}
        role="img"
        aria-label={`${formatNumber(estimate)} between ${formatNumber(lower)} and ${formatNumber(upper)}, wanted ${atLeast ? "at least" : "at most"} ${formatNumber(threshold)}`}
      >
        <rect
          x={atLeast ? x(threshold) : 0}
          y={4}
          width={atLeast ? width - x(threshold) : x(threshold)}
          height={MIDDLE * 2 - 8}
          rx={4}
          className={styles.wanted}
        />
        <line x1={0} x2={width} y1={MIDDLE} y2={MIDDLE} className={styles.axis} />
        <line
          x1={x(threshold)}
          x2={x(threshold)}
          y1={2}
          y2={MIDDLE * 2 - 2}
          className={styles.limit}
        />
        <line
          x1={x(lower)}
          x2={x(upper)}
          y1={MIDDLE}
          y2={MIDDLE}
          stroke={color}
          strokeWidth={7}
          strokeLinecap="round"
          opacity={0.45}
        />
        <circle cx={x(estimate)} cy={MIDDLE} r={6} fill={color} className={styles.dot} />
        <text x={x(threshold)} y={HEIGHT - 4} textAnchor="middle" className={styles.limitLabel}>
          {atLeast ? "≥" : "≤"} {formatNumber(threshold)}
        </text>
        <text x={x(lower) + nudge} y={MIDDLE + 22} textAnchor="end" className={styles.label}>
          {formatNumber(lower)}
        </text>
        <text x={x(upper) - nudge} y={MIDDLE + 22} textAnchor="start" className={styles.label}>
          {formatNumber(upper)}
        </text>
        <text x={x(estimate)} y={MIDDLE - 11} textAnchor="middle" className={styles.value}>
          {formatNumber(estimate)}
        </text>
      </svg>
    </div>
  );
}
