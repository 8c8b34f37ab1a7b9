import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Curve, type Line } from "@/charts/curve";
import { Panel } from "@/design/panel";

type Trial = Schemas["TrialView"];

const MOST = 40;

/** What trials reported on their way: the pool's in colour, the others faint, pruned ones dashed. */
export function TrialCurves({ trials }: { trials: Trial[] }) {
  const lines = useMemo(() => linesOf(trials), [trials]);
  if (lines.length === 0) return null;
  return (
    <Panel title="On the way" note="What trials reported. Lines that break off were given up.">
      <Curve lines={lines} height={260} legend={false} />
    </Panel>
  );
}

function linesOf(trials: Trial[]): Line[] {
  const told = trials.filter((trial) => trial.curve.length > 1);
  const pool = told.filter((trial) => trial.rank !== null);
  const others = told.filter((trial) => trial.rank === null).slice(-(MOST - pool.length));
  return [...others, ...pool].map((trial) => ({
    label: `trial ${trial.number}`,
    points: trial.curve,
    tone: trial.rank === null ? "muted" : undefined,
    dashed: trial.state === "pruned",
  }));
}
