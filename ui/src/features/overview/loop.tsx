import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { toneOf } from "@/design/tone";
import styles from "./loop.module.css";

type Stage = Schemas["LoopStage"];

const PAGES: Record<string, string> = {
  data: "/datasets",
  build: "/runs",
  gate: "/models",
  release: "/releases",
  serve: "/releases",
  watch: "/monitors",
  trace: "/lineage",
  erase: "/erasures",
};
const WAY_BACK = ["rows", "code", "run", "model", "release", "decision"];
const BACK = new Set(["trace", "erase"]);

/** The towpath itself: stations along the water on the way forward, and the way back below. */
export function Loop({ stages }: { stages: Stage[] }) {
  const forward = stages.filter((stage) => !BACK.has(stage.key));
  const back = stages.filter((stage) => BACK.has(stage.key));
  const moving = forward.some((stage) => stage.state === "active");
  return (
    <section className={styles.loop} aria-label="The loop">
      <ol className={styles.forward} data-moving={moving || undefined}>
        {forward.map((stage) => (
          <Station key={stage.key} stage={stage} />
        ))}
      </ol>
      <div className={styles.returning}>
        <p className={styles.way} aria-hidden="true">
          {WAY_BACK.map((word) => (
            <span key={word}>{word}</span>
          ))}
        </p>
        <ol className={styles.back}>
          {back.map((stage) => (
            <Station key={stage.key} stage={stage} />
          ))}
        </ol>
      </div>
    </section>
  );
}

function Station({ stage }: { stage: Stage }) {
  return (
    <li className={styles.station} data-tone={toneOf(stage.state)}>
      <Link to={PAGES[stage.key] ?? "/"}>
        <span className={styles.mark} aria-hidden="true" />
        <span className={styles.title}>{stage.title}</span>
        <span className={styles.headline}>{stage.headline}</span>
        <span className={styles.detail}>{stage.detail}</span>
      </Link>
    </li>
  );
}
