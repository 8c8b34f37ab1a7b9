import type { Schemas } from "@/api/client";
import {
  capitalize,
  formatBytes,
  formatCount,
  formatMinute,
  humanize,
  shorten,
} from "@/design/format";
import { CheckIcon } from "@/design/icons";
import styles from "./phases.module.css";

const SAYS: Record<string, string> = {
  suppressed: "Not taken in, served, logged or trained on from this moment",
  acknowledged: "Every living gateway has confirmed it",
  redacted: "Every stored version of every data set is rewritten without them",
  purged: "Caches, artefacts, decisions and labels that held them are gone",
  retraining: "Each live model that learned from them is trained again",
  rolling_out: "The replacements take over the traffic, on evidence",
  retired: "The bytes of the old models are deleted",
  verified: "Every stored byte was read again",
  certified: "The signed certificate is stored",
};

/** The way of an erasure, phase by phase, with what each left behind. */
export function Phases({ phases }: { phases: Schemas["ErasurePhase"][] }) {
  return (
    <ol className={styles.phases}>
      {phases.map((phase) => (
        <li key={phase.name} data-state={phase.state}>
          <span className={styles.mark}>
            {phase.state === "done" && <CheckIcon size={12} stroke={3} />}
          </span>
          <div>
            <p className={styles.name}>
              {capitalize(humanize(phase.name))}
              {phase.at && <time dateTime={phase.at}>{formatMinute(phase.at)}</time>}
            </p>
            <p className={styles.says}>{SAYS[phase.name]}</p>
            <FactLine facts={phase.facts} />
          </div>
        </li>
      ))}
    </ol>
  );
}

function FactLine({ facts }: { facts: Record<string, unknown> }) {
  const counts = Object.entries(facts).filter(([, value]) => typeof value !== "object");
  if (counts.length === 0) return null;
  return (
    <p className={styles.facts}>
      {counts.map(([name, value]) => `${humanize(name)} ${written(name, value)}`).join(", ")}
    </p>
  );
}

function written(name: string, value: unknown): string {
  if (typeof value !== "number") return shorten(String(value));
  return name === "bytes" ? formatBytes(value) : formatCount(value);
}
