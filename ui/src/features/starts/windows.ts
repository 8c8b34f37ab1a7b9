import { type Tone, toneOf } from "@/design/tone";

/** The phases of a window, in the order in which a bar shows them. */
const ORDER = ["done", "refused", "failed", "cancelled", "running", "new", "pending"] as const;

export interface Part {
  phase: string;
  count: number;
  tone: Tone;
}

/** How a backfill's windows are shared between phases; unknown phases go last. */
export function partsOf(counts: Record<string, number>): Part[] {
  const known = new Set<string>(ORDER);
  const phases = [...ORDER, ...Object.keys(counts).filter((phase) => !known.has(phase))];
  return phases.flatMap((phase) => {
    const count = counts[phase] ?? 0;
    return count > 0 ? [{ phase, count, tone: toneOf(phase) }] : [];
  });
}

/** How many windows have had their run, whatever came of it. */
export const overOf = (counts: Record<string, number>): number =>
  ["done", "refused", "failed"].reduce((sum, phase) => sum + (counts[phase] ?? 0), 0);

const SPANS: readonly [number, string][] = [
  [7 * 86_400, "week"],
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
];

/** A window's length in words: the largest unit that divides it. */
export function formatEvery(seconds: number): string {
  const [size, unit] = SPANS.find(([size]) => seconds % size === 0) ?? [1, "second"];
  const count = seconds / size;
  return count === 1 ? unit : `${count} ${unit}s`;
}
