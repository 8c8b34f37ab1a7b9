import { Button, CopyButton, Tooltip } from "@mantine/core";
import type { Schemas } from "@/api/client";
import { deedsOf } from "./commands";

/** The pages change nothing: what can be done about a run is a command to copy. */
export function Deeds({ run }: { run: Schemas["RunDetail"] }) {
  return deedsOf(run).map(({ label, command }) => (
    <CopyButton key={label} value={command}>
      {({ copied, copy }) => (
        <Tooltip label={command} multiline maw={460} openDelay={150}>
          <Button variant="default" size="sm" onClick={copy}>
            {copied ? "Command copied" : `${label}…`}
          </Button>
        </Tooltip>
      )}
    </CopyButton>
  ));
}
