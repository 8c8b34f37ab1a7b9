import { CopyButton, Tooltip, UnstyledButton } from "@mantine/core";
import styles from "./code.module.css";
import { shorten } from "./format";

/** A digest or id: shortened to read, whole when copied. */
export function Code({ value, short }: { value: string; short?: string }) {
  if (!value) return <>–</>;
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : "Copy"} openDelay={200}>
          <UnstyledButton className={styles.code} onClick={copy} title={value}>
            {short ?? shorten(value, 14)}
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}
