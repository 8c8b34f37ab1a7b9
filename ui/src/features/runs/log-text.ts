import type { Schemas } from "@/api/client";

type Chunk = Schemas["StepLog"];

/** What one step has printed so far, as far as a page keeps it. */
export interface StepText {
  run: string;
  step: string;
  text: string;
  /** Bytes or characters before `text` that are not shown. */
  cut: boolean;
  ended: boolean;
}

export type Logs = ReadonlyMap<string, StepText>;

/** The most of one step's output that a page holds; the rest is in the file. */
export const KEPT = 200_000;

/** Take in a piece of a log. Returns a new map; steps stay in the order in which they came first. */
export function withChunk(logs: Logs, chunk: Chunk): Logs {
  const before = logs.get(chunk.run);
  const whole = (before?.text ?? "") + chunk.text;
  const text = whole.length > KEPT ? fromLine(whole.slice(-KEPT)) : whole;
  return new Map(logs).set(chunk.run, {
    run: chunk.run,
    step: chunk.step,
    text,
    cut: (before?.cut ?? false) || chunk.left_out > 0 || text.length < whole.length,
    ended: chunk.ended,
  });
}

/** Text from its first whole line on. */
function fromLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? text : text.slice(end + 1);
}

// Escape sequences of terminals (ECMA-48): colours, cursor movements, titles.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/**
 * A log as a page shows it: without the colours and movements of a terminal, and with a line that was
 * written over (a progress bar) as it was left.
 */
export function readable(text: string): string {
  return text
    .replace(ESCAPES, "")
    .replace(/\r\n/g, "\n")
    .replace(/^.*\r(?!\n|$)/gm, "")
    .replace(/\r/g, "");
}
