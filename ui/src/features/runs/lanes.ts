import type { Schemas } from "@/api/client";

type Step = Schemas["RunSummary"];

export interface Bar {
  step: Step;
  /** Where it begins and how long it is, as shares of the whole span. */
  offset: number;
  width: number;
}

export interface Lane {
  name: string;
  /** The run that the name leads to. */
  run: string;
  bars: Bar[];
  /** Calls that a driver made, on the driver's own lane. */
  calls: number;
  cached: number;
  /** Runs of one call: more than one where it was tried again. */
  attempts: number;
  seconds: number;
}

const THINNEST = 0.004;
/** Bars that a lane tells apart; of more, those that begin together are drawn as one. */
const MOST = 160;

/**
 * Place a run's steps on a shared time line, one lane a node. Calls of a driver (`fit/3`, a search's
 * trials) lie on the lane of the driver, so that a fan-out of a thousand is one line.
 */
export function lanesOf(run: Step & { steps: Step[] }): Lane[] {
  const start = Date.parse(run.started_at);
  const ends = run.steps.map((step) => Date.parse(step.started_at) + step.seconds * 1000);
  const span = Math.max(...ends, start + run.seconds * 1000) - start || 1;
  const drivers = new Map(
    run.steps.filter((step) => step.kind !== "step").map((step) => [step.name, step]),
  );
  const lanes = new Map<string, Lane>();
  for (const step of run.steps) {
    const slash = step.name.lastIndexOf("/");
    const home = slash > 0 ? step.name.slice(0, slash) : "";
    const driver = drivers.get(home);
    const name = driver ? home : step.name;
    const lane = lanes.get(name) ?? emptyLane(name, (driver ?? step).id);
    lanes.set(name, lane);
    if (drivers.get(step.name) === step) {
      lane.run = step.id;
      lane.seconds = step.seconds;
      continue;
    }
    const offset = Math.min((Date.parse(step.started_at) - start) / span, 1 - THINNEST);
    const width = Math.min(Math.max((step.seconds * 1000) / span, THINNEST), 1 - offset);
    lane.bars.push({ step, offset, width });
    lane.cached += step.cached ? 1 : 0;
    if (driver) lane.calls += 1;
    else {
      lane.run = step.id;
      lane.seconds = step.seconds;
      lane.attempts += 1;
    }
  }
  return [...lanes.values()].map((lane) => ({ ...lane, bars: thinned(lane.bars) }));
}

/** Leave out bars behind which others begin in the same place; what went wrong is never left out. */
function thinned(bars: Bar[]): Bar[] {
  if (bars.length <= MOST) return bars;
  const widest = new Map<string, Bar>();
  for (const bar of bars) {
    const wrong = bar.step.status === "failed" || bar.step.status === "killed";
    const place = `${wrong} ${Math.floor(bar.offset * MOST)}`;
    if (bar.width > (widest.get(place)?.width ?? 0)) widest.set(place, bar);
  }
  return [...widest.values()];
}

const emptyLane = (name: string, run: string): Lane => ({
  name,
  run,
  bars: [],
  calls: 0,
  cached: 0,
  attempts: 0,
  seconds: 0,
});
