import { NativeSelect } from "@mantine/core";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { readable, type StepText } from "./log-text";
import styles from "./logs.module.css";
import { type LogState, useLogs } from "./use-logs";

const NEAR_END_PX = 24;
const TABS_MOST = 7;

/** What a run's steps print, as they print it: one step at a time, the newest unless one is chosen. */
export function LogsPanel({ runId, running }: { runId: string; running: boolean }) {
  const { logs, state } = useLogs(runId);
  const [chosen, setChosen] = useState<string | null>(null);
  const steps = [...logs.values()];
  const shown = logs.get(chosen ?? "") ?? steps.at(-1);
  if (!shown && !running) return null;
  return (
    <Panel
      title="Log"
      note="What steps print. It may quote anybody, and goes when a person is erased."
      aside={<Following state={state} running={running} />}
      flush
    >
      {steps.length > TABS_MOST && (
        <div className={styles.steps}>
          <NativeSelect
            size="xs"
            aria-label="Step"
            value={shown?.run}
            data={steps.map(({ run, step }) => ({ value: run, label: step }))}
            onChange={(event) => setChosen(event.currentTarget.value)}
          />
        </div>
      )}
      {steps.length > 1 && steps.length <= TABS_MOST && (
        <div className={styles.steps} role="tablist" aria-label="Steps">
          {steps.map((one) => (
            <button
              key={one.run}
              type="button"
              role="tab"
              aria-selected={one.run === shown?.run}
              onClick={() => setChosen(one.run)}
            >
              {one.step}
              {!one.ended && running && <i title="running" />}
            </button>
          ))}
        </div>
      )}
      {shown ? <Text key={shown.run} log={shown} /> : <p className={styles.none}>Nothing yet.</p>}
    </Panel>
  );
}

function Following({ state, running }: { state: LogState; running: boolean }) {
  if (state === "away") return <State state="away" tone="warn" label="reconnecting" />;
  return running && state === "following" ? <State state="running" label="live" /> : null;
}

/** A log that stays at its end while somebody reads there, and lets them scroll back in peace. */
function Text({ log }: { log: StepText }) {
  const place = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const text = useMemo(() => readable(log.text), [log.text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is what moves the end
  useLayoutEffect(() => {
    const box = place.current;
    if (box && follows.current) box.scrollTop = box.scrollHeight;
  }, [text]);
  return (
    <div
      ref={place}
      role="log"
      aria-label={`Log of ${log.step}`}
      className={styles.text}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: box }) => {
        follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
      }}
    >
      {log.cut && <p className={styles.cut}>… what came before is left out</p>}
      <pre>{text}</pre>
    </div>
  );
}
