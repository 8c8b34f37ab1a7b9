import { humanize } from "./format";
import styles from "./state.module.css";
import { type Tone, toneOf } from "./tone";

interface StateProps {
  state: string;
  label?: string;
  tone?: Tone;
}

/** A state as a coloured word. The word carries the meaning; colour only helps to find it. */
export function State({ state, label, tone = toneOf(state) }: StateProps) {
  if (!state) return null;
  return (
    <span className={styles.state} data-tone={tone}>
      <span className={styles.dot} data-pulsing={tone === "active" || undefined} />
      {label ?? humanize(state)}
    </span>
  );
}
