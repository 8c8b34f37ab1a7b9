import type { Schemas } from "@/api/client";
import { formatBytes } from "@/design/format";

type Run = Pick<Schemas["RunDetail"], "attempts" | "saved">;

export type NumberedAttempt = Schemas["RunAttempt"] & { number: number };

/** A step's tries with their numbers, the newest first. */
export const attemptsOf = ({ attempts }: Run): NumberedAttempt[] =>
  attempts.map((one, place) => ({ ...one, number: place + 1 })).reverse();

/** Where the next try begins. */
export function goesOnFrom({ attempts, saved }: Run): string {
  if (saved) return `The next one goes on from what was saved: ${formatBytes(saved.size_bytes)}.`;
  const preempted = attempts.some((one) => one.stopped === "preempted");
  return preempted ? "It made room for a higher priority." : "Tried again after a failure.";
}
