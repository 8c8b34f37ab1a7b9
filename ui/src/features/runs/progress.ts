import { formatCount, formatSeconds, humanize, plural } from "@/design/format";
import { type Tone, toneOf } from "@/design/tone";

/** What a call may be, in the order in which a bar shows them. */
const ORDER = ["finished", "cached", "failed", "killed", "running", "ahead", "skipped"] as const;
const OVER = new Set<string>(["finished", "cached", "failed", "killed"]);

export interface Share {
  state: string;
  count: number;
  /** Of all calls, between 0 and 1. */
  share: number;
}

type Counts = Record<string, number>;

const total = (counts: Counts): number => Object.values(counts).reduce((sum, one) => sum + one, 0);

/** How a node's calls are shared between states; nothing where it stands for a single call. */
export function sharesOf(counts: Counts): Share[] {
  const all = total(counts);
  if (all < 2) return [];
  return ORDER.flatMap((state) => {
    const count = counts[state] ?? 0;
    return count > 0 ? [{ state, count, share: count / all }] : [];
  });
}

/** How far a node is, in a few words. */
export function wordsOf(node: { state: string; counts: Counts; seconds: number }): string {
  const all = total(node.counts);
  if (all < 2) {
    if (node.state === "cached") return "from cache";
    if (node.state === "ahead") return "still to come";
    if (node.state === "skipped") return "not needed";
    const took = node.seconds > 0 ? ` ${formatSeconds(node.seconds)}` : "";
    return `${humanize(node.state)}${took}`;
  }
  const over = Object.entries(node.counts)
    .filter(([state]) => OVER.has(state))
    .reduce((sum, [, count]) => sum + count, 0);
  if (over < all) return `${formatCount(over)} of ${plural(all, "call")}`;
  const cached = node.counts.cached ?? 0;
  if (cached === all) return `${plural(all, "call")}, from cache`;
  return `${plural(all, "call")}${cached > 0 ? `, ${formatCount(cached)} from cache` : ""}`;
}

/** A state's tone on the picture of a run, where a hit is no news. */
export const toneOfCall = (state: string): Tone | "cached" =>
  state === "cached" ? "cached" : state === "skipped" ? "idle" : toneOf(state);
