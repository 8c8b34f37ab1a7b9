import type { Schemas } from "@/api/client";
import type { Tone } from "@/design/tone";

type Standing = Schemas["CaseStanding"];
type Suspect = Schemas["IncidentSuspect"];

const INCIDENTS: Record<string, Tone> = {
  open: "bad",
  triaged: "active",
  fixed: "good",
  closed: "idle",
};

/** What an incident's state means to somebody who looks for work. */
export const toneOfIncident = (state: string): Tone => INCIDENTS[state] ?? "idle";

const VERDICTS: Record<string, Tone> = {
  pass: "good",
  fail: "bad",
  unanswerable: "bad",
  unjudged: "idle",
};

/** How a model stands with a case: what was found, unless a waiver lets it through. */
export function outcomeOf(standing: Standing): { label: string; tone: Tone } {
  if (standing.waived) return { label: `${standing.verdict}, waived`, tone: "warn" };
  const label = standing.verdict === "unjudged" ? "not asked yet" : standing.verdict;
  return { label, tone: VERDICTS[standing.verdict] ?? "idle" };
}

/** What a kind of suspects is, and what its numbers mean. */
export const KINDS: Record<string, { title: string; says: string }> = {
  slice: {
    title: "Slices of the decisions",
    says: "Decisions alike in one or two inputs, on which the model errs more than on all others.",
  },
  drift: {
    title: "Inputs that drifted",
    says: "Inputs that were not as in training at the time. The number is the distance of the two.",
  },
  rows: {
    title: "Training rows",
    says: "Rows that the model holds near to the decision, or that moved its answer by themselves.",
  },
  model: {
    title: "What made the model",
    says: "Rows, parameters or packages that are others than of the version that served before.",
  },
  code: {
    title: "Code",
    says: "Files that are others than those which made the version that served before.",
  },
};

export interface Group {
  kind: string;
  suspects: Suspect[];
}

/** Suspects by kind, those first for which there is a kind described, in the order above. */
export function groupsOf(suspects: Suspect[]): Group[] {
  const found = new Map<string, Suspect[]>();
  for (const one of suspects) found.set(one.kind, [...(found.get(one.kind) ?? []), one]);
  const order = Object.keys(KINDS);
  const place = (kind: string) => (order.includes(kind) ? order.indexOf(kind) : order.length);
  return [...found]
    .map(([kind, suspects]) => ({ kind, suspects }))
    .sort((one, other) => place(one.kind) - place(other.kind));
}

/** Whether its number is a share of something; units are words that stand after the number. */
export const isShare = (suspect: Suspect): boolean => suspect.unit.startsWith("of the ");

/** How long a suspect's bar is, as a share: beside what is counted in the same unit; none alone. */
export function lengthOf(suspect: Suspect, among: Suspect[]): number | null {
  if (isShare(suspect)) return Math.min(Math.max(suspect.value, 0), 1);
  const alike = among.filter((one) => one.unit === suspect.unit);
  const most = Math.max(...alike.map((one) => Math.abs(one.value)));
  return alike.length < 2 || most === 0 ? null : Math.abs(suspect.value) / most;
}

/** How likely it is by chance alone, in words. */
export function chanceOf(p: number): string {
  if (p < 0.0001) return "by chance alone: less than 1 in 10,000";
  return `by chance alone: ${p < 0.01 ? `1 in ${Math.round(1 / p).toLocaleString("en")}` : `${Number((p * 100).toPrecision(2))}%`}`;
}

/** A sentence with its digests cut to what tells them apart; links beside it lead to the whole. */
export const shortened = (text: string): string =>
  text.replace(/\b([0-9a-f]{10})[0-9a-f]{22,}\b/g, "$1…");

/** Model versions that a case holds back: waivers may be given for these. */
export const heldBack = (standings: Standing[]): string[] =>
  standings.filter((one) => !one.passes && one.verdict !== "unjudged").map((one) => one.model);
