import { Button } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { Problem } from "@/api/client";
import { Empty } from "@/design/empty";
import { capitalize } from "@/design/format";
import { Columns } from "@/design/page";
import { Panel } from "@/design/panel";
import { EventTime } from "@/design/time";
import { useBench } from "./bench";
import { CommentField } from "./comment-field";
import { ItemCard } from "./item-card";
import styles from "./judge.module.css";
import { numbered, useKeys } from "./keys";
import { LabelButtons } from "./label-buttons";
import { deskOf, type Queue } from "./queries";
import { JUDGING, Shortcuts } from "./shortcuts";
import { Sitting } from "./sitting";

interface JudgeProps {
  queue: Queue;
  actor: string;
}

/** One item after the other, answered with one key each. */
export function Judge({ queue, actor }: JudgeProps) {
  const desk = useMemo(() => deskOf(queue.name, actor), [queue.name, actor]);
  const bench = useBench(desk, queue.name);
  const { item, busy } = bench;
  const [place, setPlace] = useState(-1);
  const [comment, setComment] = useState("");
  const [help, setHelp] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    setPlace(-1);
    setComment(item?.mine?.comment ?? "");
  }, [item]);

  const choose = (at: number) => {
    const label = queue.labels[at];
    if (label && item) bench.judge(label.name, comment);
  };
  const last = queue.labels.length - 1;
  useKeys({
    ...numbered(queue.labels.length, choose),
    j: () => setPlace((old) => Math.min(old + 1, last)),
    k: () => setPlace((old) => Math.max(old - 1, 0)),
    Enter: place >= 0 ? () => choose(place) : undefined,
    s: item ? () => bench.skip(comment) : undefined,
    u: bench.undo,
    c: () => field.current?.focus(),
    "?": () => setHelp(true),
  });

  return (
    <Columns wide>
      <Panel
        title={queue.question || "What was true of this decision?"}
        aside={
          <button type="button" className={styles.help} onClick={() => setHelp(true)}>
            Keys <kbd>?</kbd>
          </button>
        }
      >
        {bench.trouble && <Notice error={bench.trouble} />}
        {item === null && <Nothing queue={queue} />}
        {item === undefined && busy && <div className={styles.waiting} aria-busy="true" />}
        {item && (
          <div className={styles.bench} key={item.decision_id} data-busy={busy || undefined}>
            <ItemCard item={item} />
            <LabelButtons
              labels={queue.labels}
              place={place}
              before={item.mine?.label}
              onChoose={(label) => bench.judge(label, comment)}
            />
            <CommentField ref={field} value={comment} onChange={setComment} />
          </div>
        )}
        <div className={styles.deeds}>
          <Button
            variant="default"
            disabled={!item || busy}
            aria-keyshortcuts="s"
            onClick={() => bench.skip(comment)}
          >
            Skip <kbd className={styles.key}>s</kbd>
          </Button>
          <Button
            variant="default"
            disabled={bench.words.length === 0 || busy}
            aria-keyshortcuts="u"
            onClick={bench.undo}
          >
            Undo <kbd className={styles.key}>u</kbd>
          </Button>
        </div>
      </Panel>
      <Sitting queue={queue} actor={actor} words={bench.words} />
      <Shortcuts shortcuts={JUDGING} opened={help} onClose={() => setHelp(false)} />
    </Columns>
  );
}

function Notice({ error }: { error: Error }) {
  const remedy = error instanceof Problem ? error.remedy : "Is the server still running?";
  return (
    <p className={styles.notice} role="alert">
      <b>{capitalize(error.message)}.</b> {remedy}
    </p>
  );
}

function Nothing({ queue }: { queue: Queue }) {
  return (
    <Empty title="Nothing is left for you">
      {queue.open > 0
        ? `${queue.open} still wait for somebody else: each needs ${queue.annotators} people.`
        : "Every item has been judged."}{" "}
      {queue.idle ? (
        `No more are drawn: ${queue.idle}`
      ) : (
        <>
          More are drawn when the next day is over; drawn so far until{" "}
          <EventTime at={queue.drawn_until} />.
        </>
      )}
    </Empty>
  );
}
