import { formatCount } from "@/design/format";
import styles from "./progress-bar.module.css";
import type { Queue } from "./queries";

/** Where a queue's tasks are, from drawn to sealed. */
export function ProgressBar({ queue }: { queue: Queue }) {
  const parts = [
    { name: "in the labelled set", count: queue.labelled, tone: "sealed" },
    { name: "settled", count: queue.settled, tone: "settled" },
    { name: "disputed", count: queue.disputed, tone: "disputed" },
    { name: "open", count: queue.open, tone: "open" },
  ];
  const total = Math.max(
    parts.reduce((sum, part) => sum + part.count, 0),
    1,
  );
  return (
    <div>
      <div className={styles.bar} role="img" aria-label={parts.map(sayPart).join(", ")}>
        {parts.map((part) => (
          <span
            key={part.name}
            data-tone={part.tone}
            style={{ width: `${(part.count / total) * 100}%` }}
          />
        ))}
      </div>
      <ul className={styles.legend}>
        {parts.map((part) => (
          <li key={part.name}>
            <span className={styles.dot} data-tone={part.tone} />
            <b>{formatCount(part.count)}</b> {part.name}
          </li>
        ))}
      </ul>
    </div>
  );
}

const sayPart = (part: { name: string; count: number }): string => `${part.count} ${part.name}`;
