import type { Schemas } from "@/api/client";
import type { Bounds } from "@/charts/confidence";
import { formatCount, humanize } from "@/design/format";

type Rollout = Schemas["RolloutDetail"];
export type Reading = Schemas["RolloutReading"];

/** How one harm's bounds narrowed: an entry for each look that knew something of it. */
export function boundsOf(rollout: Rollout, reading: Reading): Bounds[] {
  return rollout.history.flatMap((look) => {
    const found = look.readings.find((one) => one.name === reading.name);
    if (!found) return [];
    return [
      {
        at: look.at,
        stage: look.stage,
        harm: found.harm,
        lower: found.lower,
        upper: found.upper,
        margin: marginAt(rollout, reading, look.stage),
        paused: look.paused,
        words: [
          `${formatCount(look.answers)} answers, ${formatCount(look.n_champion + look.n_challenger)} with an outcome`,
          `stage ${look.stage + 1}: ${humanize(look.decision)}`,
        ],
      },
    ];
  });
}

/** What is required has a wider margin while further stages are ahead; a guard rail has one. */
export function marginAt(rollout: Rollout, reading: Reading, stage: number): number {
  if (reading.role === "guard") return reading.margin;
  const trials = Math.max(1, rollout.stages.filter((share) => share < 1).length);
  return reading.margin * (trials - stage);
}

export type Standing = "harmful" | "harmless" | "open";

/** What the bounds say of one harm at the present stage. */
export function standingOf(rollout: Rollout, reading: Reading): Standing {
  const limit = reading.role === "guard" || reading.name === "disagreement" ? reading.margin : 0;
  if (reading.lower !== null && reading.lower > limit) return "harmful";
  const margin = marginAt(rollout, reading, rollout.stage);
  return reading.upper !== null && reading.upper < margin ? "harmless" : "open";
}
