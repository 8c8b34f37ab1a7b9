import type { Schemas } from "@/api/client";
import { humanize } from "@/design/format";

type Event = Schemas["LogEvent"];

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const SENTENCES: Record<string, (event: Event) => string> = {
  "asset.declared": () => "Declared",
  "version.committed": () => "New version",
  "version.revised": () => "Rewritten by an erasure:",
  "version.moved": ({ payload }) =>
    payload.to || payload.state ? `Now ${text(payload.to) || text(payload.state)}:` : "Moved",
  "run.started": ({ payload }) => `${text(payload.name) || "A run"} started`,
  "run.finished": ({ payload }) => `Run ${text(payload.status) || "ended"}`,
  "edge.linked": ({ payload }) => `${text(payload.relation) || "Linked"}`,
  "step.cached": () => "Step kept for reuse",
  "intent.declared": () => "Asked for",
  "intent.moved": ({ payload }) => `Reached ${humanize(text(payload.phase) || text(payload.to))}:`,
  "intent.deleted": () => "No longer wanted:",
  "route.changed": () => "Traffic moved for",
  "segments.changed": () => "Decisions sealed:",
  "alert.raised": () => "Alarm on",
  "decision.read": () => "Somebody traced",
  "subject.read": () => "Somebody planned an erasure:",
};

/** An entry's type as the beginning of a sentence that its subject ends. */
export function explain(event: Event): string {
  return SENTENCES[event.type]?.(event) ?? humanize(event.type.replace(".", " "));
}
