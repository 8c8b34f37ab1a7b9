import type { Schemas } from "@/api/client";
import { State } from "@/design/state";
import type { Tone } from "@/design/tone";
import styles from "./decision-page.module.css";

const TONES: Record<string, Tone> = { equal: "good", different: "bad", impossible: "warn" };
const LIBRARIES_MOST = 6;

/** The verdict of a replay, output by output, and which libraries are others than then. */
export function Replayed({ replay }: { replay: Schemas["DecisionReplay"] }) {
  const more = replay.changed.length - LIBRARIES_MOST;
  return (
    <>
      <p className={styles.verdict}>
        <State state={replay.verdict} tone={TONES[replay.verdict]} label={labelOf(replay)} />
        {replay.form && <span className={styles.given}>{replay.form}</span>}
        {replay.asked === "with its request" && (
          <span className={styles.given}>asked with the rows of its request</span>
        )}
      </p>
      {replay.reason && <p className={styles.quiet}>{replay.reason}</p>}
      <ul className={styles.bits}>
        {replay.fields.map((field) => (
          <li key={field.name}>
            {field.name} {field.recorded ?? "–"} {field.equal ? "=" : "≠"} {field.replayed ?? "–"}
            {field.ulps ? ` (${field.ulps} ulp apart)` : ""}
          </li>
        ))}
      </ul>
      {replay.same_environment === false && (
        <p className={styles.quiet}>
          Other libraries than the model was judged with:{" "}
          {replay.changed
            .slice(0, LIBRARIES_MOST)
            .map((one) => `${one.name} ${one.then ?? "not there"} → ${one.now ?? "not there"}`)
            .join(", ")}
          {more > 0 && `, and ${more} more`}
        </p>
      )}
    </>
  );
}

function labelOf(replay: Schemas["DecisionReplay"]): string {
  if (replay.verdict === "equal") return "Equal, bit for bit";
  return replay.verdict === "different" ? "Different" : "Can't be replayed";
}
