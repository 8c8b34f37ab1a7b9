import type { Schemas } from "@/api/client";
import { State } from "@/design/state";

type Release = Schemas["Release"];

/** How a release stands, in words to sort and show by. */
export function standingOf(release: Release): string {
  if (release.standing) return release.standing;
  return release.live ? "on trial" : "past";
}

/** How a release stands. */
export function Standing({ release }: { release: Release }) {
  switch (standingOf(release)) {
    case "default":
      return <State state="live" label="default" />;
    case "beside":
      return <State state="live" label="beside the default" />;
    case "on trial":
      return <State state="running" label="on trial" />;
    case "before":
      return <State state="standby" tone="idle" label="way back" />;
    default:
      return <State state="retired" label="past" />;
  }
}
