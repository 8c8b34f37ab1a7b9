import type { Schemas } from "@/api/client";
import { formatNumber } from "@/design/format";

type Search = Schemas["SearchView"];
type Trial = Schemas["TrialView"];
type Axis = Schemas["Axis"];
type Objective = Schemas["Objective"];

/** An objective in words: `highest roc_auc`. */
export const wordsOf = ({ metric, direction }: Objective): string =>
  `${direction === "maximize" ? "highest" : "lowest"} ${metric}`;

/** The best-so-far line as corners of a stair, drawn on to the last trial. */
export function stairOf(search: Search): [number, number][] {
  const last = search.trials.at(-1)?.number ?? 0;
  const corners: [number, number][] = [];
  for (const [number, value] of search.best_so_far) {
    const before = corners.at(-1);
    if (before) corners.push([number, before[1]]);
    corners.push([number, value]);
  }
  const end = corners.at(-1);
  if (end && end[0] < last) corners.push([last, end[1]]);
  return corners;
}

/**
 * How good each trial is by the first objective, between 0 (the worst) and 1 (the best): what its line
 * is coloured by. Trials without a value, and those that are not done, have none.
 */
export function goodness(search: Pick<Search, "trials" | "summary">): Map<number, number> {
  const done = search.trials.filter((trial) => trial.state === "done");
  const values = done.flatMap((trial) => trial.values.slice(0, 1));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const found = new Map<number, number>();
  for (const { number, values } of done) {
    const value = values[0];
    if (value === undefined) continue;
    const share = high === low ? 1 : (value - low) / span;
    found.set(number, search.summary.objectives[0]?.direction === "minimize" ? 1 - share : share);
  }
  return found;
}

/** What is written beside an axis, from its lower end up: its ends, or its choices. */
export function ticksOf(axis: Axis): { place: number; text: string }[] {
  if (axis.kind === "choice") {
    const last = Math.max(axis.choices.length - 1, 1);
    return axis.choices.map((text, at) => ({
      place: axis.choices.length === 1 ? 0.5 : at / last,
      text,
    }));
  }
  return [
    { place: 0, text: formatNumber(axis.low) },
    { place: 1, text: formatNumber(axis.high) },
  ];
}

/** A stretch of an axis that somebody marked. */
export type Marked = Record<string, [number, number]>;

/** Whether a trial lies within every stretch that is marked. */
export const within = (trial: Pick<Trial, "places">, marked: Marked): boolean =>
  Object.entries(marked).every(([name, [low, high]]) => {
    const place = trial.places[name];
    return place !== undefined && place >= low && place <= high;
  });

/** The command that carries the best trial on is the pipeline itself; this shows what it found. */
export const pointOf = (trial: Pick<Trial, "point">): string =>
  Object.entries(trial.point)
    .map(([name, value]) => `${name} ${typeof value === "number" ? formatNumber(value) : value}`)
    .join(", ");

/** A bound in words; `ends` are the lowest and the highest that is allowed. */
export function boundOf(metric: string, [lowest, highest]: Search["within"][string]): string {
  if (lowest == null) return `${metric} at most ${formatNumber(highest)}`;
  if (highest == null) return `${metric} at least ${formatNumber(lowest)}`;
  return `${metric} between ${formatNumber(lowest)} and ${formatNumber(highest)}`;
}
