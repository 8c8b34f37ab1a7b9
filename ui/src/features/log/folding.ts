import type { Schemas } from "@/api/client";
import { explain } from "./explain";

type Event = Schemas["LogEvent"];

/** Entries that say the same of one thing after the other: the first is shown, the rest on demand. */
export interface Fold {
  first: Event;
  rest: Event[];
}

/** From how many on they are drawn as one. */
const LEAST = 4;

/** Fold neighbours that say the same of things of one kind, as a queue's items or a fan-out's runs do. */
export function folded(events: Event[]): Fold[] {
  const runs: Event[][] = [];
  for (const event of events) {
    const last = runs.at(-1);
    if (last?.[0] && saysOf(last[0]) === saysOf(event)) last.push(event);
    else runs.push([event]);
  }
  return runs.flatMap(([first, ...rest]) => {
    if (!first) return [];
    if (rest.length + 1 >= LEAST) return [{ first, rest }];
    return [first, ...rest].map((one) => ({ first: one, rest: [] }));
  });
}

const saysOf = (event: Event): string => `${explain(event)} ${event.subject.split(":")[0]}`;
