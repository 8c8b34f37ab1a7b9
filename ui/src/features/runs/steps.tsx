import { Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { formatSeconds, plural } from "@/design/format";
import { toneOf } from "@/design/tone";
import { type Lane, lanesOf } from "./lanes";
import styles from "./steps.module.css";

const FIRST = 30;

/** A run's steps on a shared time line. */
export function Steps({ run }: { run: Schemas["RunDetail"] }) {
  const [whole, setWhole] = useState(false);
  const lanes = lanesOf(run);
  const shown = whole ? lanes : lanes.slice(0, FIRST);
  return (
    <>
      <ol className={styles.steps}>
        {shown.map((lane) => (
          <li key={lane.name}>
            <Link to={`/runs/${lane.run}`} className={styles.name}>
              {lane.name}
            </Link>
            <span className={styles.lane}>
              {lane.bars.map(({ step, offset, width }) => (
                <Tooltip
                  key={step.id}
                  label={`${step.name}: ${step.error ?? (step.tags.why || step.status)}`}
                  openDelay={200}
                >
                  <Link
                    to={`/runs/${step.id}`}
                    className={styles.bar}
                    aria-label={step.name}
                    data-tone={step.cached ? "cached" : toneOf(step.status)}
                    data-one-of-many={lane.bars.length > 1 || undefined}
                    style={{ left: `${offset * 100}%`, width: `${width * 100}%` }}
                  />
                </Tooltip>
              ))}
            </span>
            <span className={styles.took}>{tookOf(lane)}</span>
          </li>
        ))}
      </ol>
      {shown.length < lanes.length && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          Show all {plural(lanes.length, "step")}
        </button>
      )}
    </>
  );
}

function tookOf(lane: Lane): string {
  if (lane.calls > 0) return plural(lane.calls, "call");
  if (lane.attempts > 1) return plural(lane.attempts, "attempt");
  return lane.cached > 0 ? "from cache" : formatSeconds(lane.seconds);
}
