import type { Schemas } from "@/api/client";

type Reason = Schemas["StepReason"];

export interface Group {
  why: string;
  /** Steps by name, those of a fan-out or search under the name of their node. */
  steps: { name: string; run: string; calls: number }[];
}

/** Put steps that ran for the same reason together, in the order in which the reasons came up. */
export function groupedByWhy(reasons: Reason[]): Group[] {
  const calls = new Map<string, number>();
  for (const { step } of reasons) {
    const node = nodeOf(step);
    if (node) calls.set(node, (calls.get(node) ?? 0) + 1);
  }
  const groups = new Map<string, Group>();
  for (const { why, step, run } of reasons) {
    const group = groups.get(why) ?? { why, steps: [] };
    groups.set(why, group);
    const node = nodeOf(step);
    // A step of a pipeline inside a pipeline has a slash in its name as well, but stands alone.
    const name = node && (calls.get(node) ?? 0) > 1 ? node : step;
    const known = group.steps.find((one) => one.name === name);
    if (known) known.calls += 1;
    else group.steps.push({ name, run, calls: 1 });
  }
  return [...groups.values()];
}

/** The node that a call's name begins with: `search-fit` of `search-fit/trial-3`. */
const nodeOf = (step: string): string | null => {
  const call = /^(.+)\/(?:trial-)?\d+$/.exec(step);
  return call?.[1] ?? null;
};
