import { Button, CopyButton, Tooltip } from "@mantine/core";

interface CommandButtonProps {
  label: string;
  command: string;
}

/** What the pages don't do themselves: the command that does it, to copy. */
export function CommandButton({ label, command }: CommandButtonProps) {
  return (
    <CopyButton value={command}>
      {({ copied, copy }) => (
        <Tooltip label={command} multiline maw={460} openDelay={150}>
          <Button variant="default" size="sm" onClick={copy}>
            {copied ? "Command copied" : `${label}…`}
          </Button>
        </Tooltip>
      )}
    </CopyButton>
  );
}
