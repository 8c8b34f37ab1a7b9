import { useQuery } from "@tanstack/react-query";
import { Code } from "@/design/code";
import { Fact, Facts } from "@/design/facts";
import { formatCount, formatSeconds, formatShare, tailOf } from "@/design/format";
import { Panel } from "@/design/panel";
import type { Word } from "./bench";
import { ProgressBar } from "./progress-bar";
import { agreementQuery, type Queue } from "./queries";
import styles from "./sitting.module.css";

interface SittingProps {
  queue: Queue;
  actor: string;
  words: Word[];
}

/** How far the queue is, and what this person has done. */
export function Sitting({ queue, actor, words }: SittingProps) {
  const agreement = useQuery(agreementQuery(queue.name)).data;
  const mine = agreement?.annotators.find((one) => one.annotator === actor);
  return (
    <div className={styles.side}>
      <Panel title="Progress">
        <ProgressBar queue={queue} />
      </Panel>
      <Panel title={`You, ${actor}`}>
        <Facts>
          <Fact name="Judged">{formatCount(mine?.judged ?? 0)}</Fact>
          <Fact name="Skipped">{formatCount(mine?.skipped ?? 0)}</Fact>
          <Fact name="A judgement takes">
            {mine?.spent_s_median == null ? "–" : formatSeconds(mine.spent_s_median)}
          </Fact>
          <Fact name="Confirmed by others">
            {mine?.confirmed == null ? "–" : formatShare(mine.confirmed)}
          </Fact>
        </Facts>
      </Panel>
      {words.length > 0 && (
        <Panel title="Just said">
          <ol className={styles.words} aria-live="polite">
            {words.map((word) => (
              <li key={word.decisionId}>
                <b>{word.label ?? <span className={styles.skipped}>skipped</span>}</b>
                <Code value={word.decisionId} short={tailOf(word.decisionId)} />
              </li>
            ))}
          </ol>
        </Panel>
      )}
    </div>
  );
}
