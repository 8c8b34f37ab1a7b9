import type { Schemas } from "@/api/client";
import { formatShare } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import styles from "./track.module.css";

/** How far a challenger has come, stage by stage. */
export function RolloutTrack({ rollout }: { rollout: Schemas["RolloutSummary"] }) {
  const reached = rollout.outcome === "promoted" ? rollout.stages.length : rollout.stage;
  return (
    <div>
      <p className={styles.who}>
        <RefLink ref_={rollout.challenger} /> against <RefLink ref_={rollout.champion} />
        <State state={stateOf(rollout)} />
      </p>
      <ol className={styles.track}>
        {rollout.stages.map((share, place) => (
          <li key={share} data-state={placeOf(place, reached, rollout)}>
            <span className={styles.rail} />
            <span className={styles.share}>{share === 0 ? "shadow" : formatShare(share)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Where a rollout is, in a word. */
export function stateOf(rollout: Schemas["RolloutSummary"]): string {
  return rollout.outcome ?? (rollout.paused ? "paused" : rollout.phase);
}

function placeOf(place: number, reached: number, rollout: Schemas["RolloutSummary"]): string {
  if (place < reached) return "passed";
  if (place > reached) return "ahead";
  return rollout.outcome ? "stopped" : "here";
}
