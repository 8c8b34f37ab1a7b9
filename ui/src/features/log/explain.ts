import type { Schemas } from "@/api/client";
import { formatShare, humanize } from "@/design/format";

type Event = Schemas["LogEvent"];

const text = (value: unknown): string => (typeof value === "string" ? humanize(value) : "");
const nounOf = (event: Event): string => humanize(event.subject.split(":")[0] ?? "");

const SENTENCES: Record<string, (event: Event) => string> = {
  "asset.declared": (event) => `Declared ${nounOf(event)}`,
  "version.committed": (event) => `New ${nounOf(event)} version`,
  "version.revised": () => "An erasure rewrote",
  "version.moved": ({ payload }) => `Now ${text(payload.after)}:`,
  "version.tagged": () => "Labelled",
  "alias.moved": () => "Alias moved on",
  "run.started": ({ payload }) => `Run of ${text(payload.name)} started:`,
  "run.finished": ({ payload }) => `Run ${text(payload.status)}:`,
  "edge.linked": ({ payload }) => `Linked as “${text(payload.relation)}”`,
  "step.cached": () => "Kept for reuse",
  "intent.declared": (event) => `Wanted ${nounOf(event)}`,
  "intent.moved": ({ payload }) => `Reached ${text(payload.after) || text(payload.phase)}:`,
  "intent.deleted": () => "No longer wanted:",
  "route.changed": () => "Traffic moved for",
  "segments.changed": () => "Decisions sealed for",
  "alert.raised": ({ payload }) => `Alarm (${text(payload.kind)}) on`,
  "trigger.answered": ({ payload }) => `Trigger answered (${text(payload.verdict)}):`,
  "schedule.answered": ({ payload }) => `Schedule answered (${text(payload.verdict)}):`,
  "event.received": () => "Event taken from outside for",
  "run.reused": () => "Answered from the cache in",
  "account.moved": () => "Spend moved for",
  "budget.declared": () => "Budget set for",
  "budget.lifted": () => "Budget lifted from",
  "budget.crossed": ({ payload }) => `Budget alert (past ${formatShare(Number(payload.share))}):`,
  "prices.set": () => "Prices set:",
  "label.judged": () => "Somebody judged",
  "label.settled": () => "Label settled for",
  "label.contested": () => "Judgements disagree on",
  "label.undone": () => "Judgement taken back on",
  "rollout.advanced": () => "Challenger advanced on",
  "rollout.promoted": () => "Challenger promoted on",
  "rollout.ordered": ({ payload }) => `Rollout: ${text(payload.order)} ordered on`,
  "rollout.paused": () => "Rollout paused on",
  "rollout.resumed": () => "Rollout resumed on",
  "rollout.rolled_back": () => "Challenger rolled back on",
  "rollout.superseded": () => "Rollout superseded on",
  "erasure.suppressed": () => "Subject suppressed by",
  "decision.read": () => "Somebody traced",
  "decisions.read": () => "Somebody read decisions of",
  "subject.read": () => "Somebody looked up a subject:",
};

/** An entry's type as the beginning of a sentence that its subject ends. */
export function explain(event: Event): string {
  return SENTENCES[event.type]?.(event) ?? humanize(event.type.replace(".", " "));
}
