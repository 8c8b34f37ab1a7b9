import { Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { formatSeconds } from "@/design/format";
import { toneOf } from "@/design/tone";
import styles from "./steps.module.css";

/** A run's steps on a shared time line. */
export function Steps({ run }: { run: Schemas["RunDetail"] }) {
  const start = Date.parse(run.started_at);
  const ends = run.steps.map((step) => Date.parse(step.started_at) + step.seconds * 1000);
  const span = Math.max(...ends, start + run.seconds * 1000) - start || 1;
  return (
    <ol className={styles.steps}>
      {run.steps.map((step) => {
        const offset = (Date.parse(step.started_at) - start) / span;
        const width = Math.max((step.seconds * 1000) / span, 0.004);
        return (
          <li key={step.id}>
            <Link to={`/runs/${step.id}`} className={styles.name}>
              {step.name}
            </Link>
            <Tooltip label={step.error ?? (step.tags.why || step.status)} openDelay={200}>
              <span className={styles.lane}>
                <span
                  className={styles.bar}
                  data-tone={step.cached ? "cached" : toneOf(step.status)}
                  style={{
                    left: `${Math.min(offset, 0.995) * 100}%`,
                    width: `${Math.min(width, 1 - Math.min(offset, 0.995)) * 100}%`,
                  }}
                />
              </span>
            </Tooltip>
            <span className={styles.took}>
              {step.cached ? "from cache" : formatSeconds(step.seconds)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
