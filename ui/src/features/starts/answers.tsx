import { Tooltip } from "@mantine/core";
import type { Schemas } from "@/api/client";
import { formatMinute } from "@/design/format";
import { toneOf } from "@/design/tone";
import styles from "./starts.module.css";

const SHOWN = 24;

/** What became of the last moments or news, oldest first: one mark each, the words on demand. */
export function Answers({ answers }: { answers: Schemas["StartAnswer"][] }) {
  if (answers.length === 0) return <span className={styles.quiet}>nothing yet</span>;
  return (
    <span className={styles.answers}>
      {answers
        .slice(0, SHOWN)
        .reverse()
        .map((one) => (
          <Tooltip
            key={`${one.at}:${one.what}`}
            label={`${formatMinute(one.at)}${one.what && ` ${one.what}`}: ${one.verdict}, ${one.why}`}
            multiline
            maw={380}
          >
            <i data-tone={toneOf(one.verdict)} data-verdict={one.verdict} />
          </Tooltip>
        ))}
    </span>
  );
}
