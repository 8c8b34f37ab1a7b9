/** What a state means to somebody who has to decide whether to look closer. */
export type Tone = "good" | "warn" | "bad" | "active" | "idle";

const TONES: Record<string, Tone> = {
  // runs
  scheduled: "idle",
  running: "active",
  finished: "good",
  failed: "bad",
  killed: "warn",
  // what starts runs
  started: "good",
  skipped: "warn",
  cooling: "idle",
  paused: "warn",
  refused: "warn",
  cancelled: "idle",
  pending: "idle",
  // models and releases
  candidate: "active",
  approved: "good",
  rejected: "bad",
  condemned: "warn",
  retired: "idle",
  deleted: "idle",
  live: "good",
  // gates
  pass: "good",
  fail: "bad",
  inconclusive: "warn",
  // rollouts
  new: "active",
  hold: "idle",
  advance: "active",
  promote: "good",
  promoted: "good",
  rolled_back: "bad",
  roll_back: "bad",
  rollback: "bad",
  superseded: "idle",
  // erasures
  now: "active",
  blocked: "bad",
  certified: "good",
  done: "good",
  ahead: "idle",
  // the loop's stations
  good: "good",
  warn: "warn",
  bad: "bad",
  active: "active",
};

export const toneOf = (state: string): Tone => TONES[state] ?? "idle";

export const colorOf = (tone: Tone): string =>
  tone === "idle" ? "var(--ink-3)" : `var(--${tone})`;
