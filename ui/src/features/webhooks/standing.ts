import type { Schemas } from "@/api/client";
import { plural } from "@/design/format";
import type { Tone } from "@/design/tone";

type Webhook = Schemas["WebhookListed"];

/** The server tells of no more that wait than this. */
const WAITING_MOST = 50;

/** What a webhook's state means, in a word and a tone. */
export function standingOf({ state, waiting }: Webhook): { words: string; tone: Tone } {
  if (state === "failing") return { words: "failing", tone: "bad" };
  if (state === "gone") return { words: "ended by the other side", tone: "warn" };
  if (state === "new") return { words: "not begun", tone: "idle" };
  return waiting.length > 0
    ? { words: "sending", tone: "active" }
    : { words: "told", tone: "good" };
}

/** How much has still to be told. */
export function backlogOf({ waiting }: Webhook): string {
  if (waiting.length >= WAITING_MOST) return `${WAITING_MOST} events or more`;
  return plural(waiting.length, "event");
}

/** A webhook's own name, without its project's. */
export const nameOf = ({ name, project }: Webhook): string =>
  name.startsWith(`${project}.`) ? name.slice(project.length + 1) : name;
