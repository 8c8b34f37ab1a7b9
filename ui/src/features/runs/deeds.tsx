import type { Schemas } from "@/api/client";
import { CommandButton } from "@/design/command-button";
import { deedsOf } from "./commands";

/** What can be done about a run. */
export function Deeds({ run }: { run: Schemas["RunDetail"] }) {
  return deedsOf(run).map((deed) => <CommandButton key={deed.label} {...deed} />);
}
