import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Empty } from "@/design/empty";
import { plural } from "@/design/format";
import { Loaded, Trouble } from "@/design/loaded";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { EventTime } from "@/design/time";
import { CommentField } from "./comment-field";
import styles from "./disputes.module.css";
import { ItemCard } from "./item-card";
import { numbered, useKeys } from "./keys";
import { LabelButtons } from "./label-buttons";
import { type Dispute, type DisputeItem, deskOf, disputesQuery, type Queue } from "./queries";
import { ADJUDICATING, Shortcuts } from "./shortcuts";

interface DisputesProps {
  queue: Queue;
  actor: string;
}

/** What people differ about, and what each of them said, for whoever decides. */
export function Disputes({ queue, actor }: DisputesProps) {
  const query = useQuery(disputesQuery(queue.name));
  return (
    <Loaded query={query}>
      {(disputes) =>
        disputes.length === 0 ? (
          <Panel>
            <Empty title="Nobody differs">
              What people can't agree on, pass over or object to waits here for a decision.
            </Empty>
          </Panel>
        ) : (
          <Court queue={queue} actor={actor} disputes={disputes} />
        )
      }
    </Loaded>
  );
}

function Court({ queue, actor, disputes }: DisputesProps & { disputes: Dispute[] }) {
  const desk = useMemo(() => deskOf(queue.name, actor), [queue.name, actor]);
  const queries = useQueryClient();
  const [chosen, setChosen] = useState<string>();
  const [shown, setShown] = useState<DisputeItem>();
  const [ruled, setRuled] = useState<string[]>([]);
  const [comment, setComment] = useState("");
  const [trouble, setTrouble] = useState<Error>();
  const [help, setHelp] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const place = Math.max(
    disputes.findIndex((one) => one.decision_id === chosen),
    0,
  );
  const current = disputes[place]?.decision_id;

  useEffect(() => {
    let wanted = true;
    setComment("");
    if (current) {
      desk.open(current).then(
        (found) => wanted && setShown(found),
        (error) => wanted && setTrouble(error),
      );
    }
    return () => {
      wanted = false;
    };
  }, [current, desk]);

  const act = async (deed: () => Promise<unknown>) => {
    setTrouble(undefined);
    await deed().catch(setTrouble);
    await queries.invalidateQueries({ queryKey: ["labels", queue.name] });
  };
  const rule = (label: string | null) => {
    if (!current || shown?.item.decision_id !== current) return;
    const next = disputes[place + 1] ?? disputes[place - 1];
    void act(async () => {
      await desk.rule(current, label, comment);
      setRuled((old) => [current, ...old]);
      setChosen(next?.decision_id);
    });
  };
  const undo = () => {
    const [last, ...rest] = ruled;
    if (!last) return;
    void act(async () => {
      await desk.undo(last);
      setRuled(rest);
      setChosen(last);
    });
  };
  const go = (to: number) => setChosen(disputes[to]?.decision_id ?? chosen);
  useKeys({
    ...numbered(queue.labels.length, (at) => rule(queue.labels[at]?.name ?? null)),
    x: () => rule(null),
    j: () => go(place + 1),
    k: () => go(place - 1),
    u: undo,
    c: () => field.current?.focus(),
    "?": () => setHelp(true),
  });

  return (
    <div className={styles.court}>
      <Panel title={plural(disputes.length, "dispute")} flush>
        <ul className={styles.list}>
          {disputes.map((one, at) => (
            <li key={one.decision_id}>
              <button
                type="button"
                data-at={at === place || undefined}
                aria-current={at === place}
                onClick={() => setChosen(one.decision_id)}
              >
                <EventTime at={one.at} />
                <span className={styles.votes}>
                  {Object.entries(one.labels).map(([label, count]) => (
                    <span key={label}>
                      {label} {count > 1 && `×${count}`}
                    </span>
                  ))}
                  {one.skips > 0 && <span data-skip>{plural(one.skips, "skip")}</span>}
                </span>
                {one.contested && <State state="contested" tone="warn" />}
              </button>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel
        title={queue.question || "What was true of this decision?"}
        note="You see what the model answered; they did not, if the queue is blind."
      >
        {trouble && <Trouble error={trouble} />}
        {shown && shown.item.decision_id === current && (
          <div className={styles.case}>
            <ItemCard item={shown.item} />
            <ul className={styles.words}>
              {shown.judgements.map((one) => (
                <li key={one.annotator}>
                  <span className={styles.who}>{one.annotator}</span>
                  <b>{one.label ?? "skipped"}</b>
                  {one.comment && <q>{one.comment}</q>}
                </li>
              ))}
            </ul>
            <LabelButtons labels={queue.labels} place={-1} onChoose={rule} />
            <CommentField ref={field} value={comment} onChange={setComment} />
          </div>
        )}
        <div className={styles.deeds}>
          <Button variant="default" aria-keyshortcuts="x" onClick={() => rule(null)}>
            No label <kbd>x</kbd>
          </Button>
          <Button
            variant="default"
            disabled={ruled.length === 0}
            aria-keyshortcuts="u"
            onClick={undo}
          >
            Undo <kbd>u</kbd>
          </Button>
        </div>
      </Panel>
      <Shortcuts shortcuts={ADJUDICATING} opened={help} onClose={() => setHelp(false)} />
    </div>
  );
}
