import { useElementSize } from "@mantine/hooks";
import { formatNumber } from "@/design/format";
import styles from "./alpha-scale.module.css";

interface AlphaScaleProps {
  alpha?: number | null;
  low?: number | null;
  high?: number | null;
}

const HEIGHT = 78;
const MIDDLE = 30;
const PADDING = 16;
const TENTATIVE = 0.667;
const RELIABLE = 0.8;

/** Alpha on its way from chance to perfection, with the two customary bars. */
export function AlphaScale({ alpha, low, high }: AlphaScaleProps) {
  const { ref, width } = useElementSize();
  const least = Math.min(0, low ?? 0, alpha ?? 0);
  const x = (value: number) =>
    PADDING + ((value - least) / (1 - least)) * Math.max(width - 2 * PADDING, 1);
  return (
    <div ref={ref}>
      <svg
        width="100%"
        height={HEIGHT}
        role="img"
        aria-label={`alpha ${formatNumber(alpha)}, between ${formatNumber(low)} and ${formatNumber(high)}`}
        className={styles.scale}
      >
        <rect
          x={x(TENTATIVE)}
          width={x(RELIABLE) - x(TENTATIVE)}
          y={8}
          height={44}
          className={styles.tentative}
        />
        <rect
          x={x(RELIABLE)}
          width={x(1) - x(RELIABLE)}
          y={8}
          height={44}
          className={styles.reliable}
        />
        <line x1={x(least)} x2={x(1)} y1={MIDDLE} y2={MIDDLE} className={styles.axis} />
        {[0, TENTATIVE, RELIABLE, 1].map((mark) => (
          <text
            key={mark}
            x={x(mark)}
            y={HEIGHT - 6}
            textAnchor={mark === 1 ? "end" : mark === 0 ? "start" : "middle"}
            className={styles.mark}
          >
            {mark === 0 ? "chance" : mark === 1 ? "1" : formatNumber(mark)}
          </text>
        ))}
        {low != null && high != null && (
          <line x1={x(low)} x2={x(high)} y1={MIDDLE} y2={MIDDLE} className={styles.interval} />
        )}
        {alpha != null && <circle cx={x(alpha)} cy={MIDDLE} r={7} className={styles.dot} />}
      </svg>
    </div>
  );
}
