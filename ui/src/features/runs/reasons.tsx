import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Panel } from "@/design/panel";
import { reasonsQuery } from "./queries";
import styles from "./reasons.module.css";

/** Why steps were executed rather than taken from the cache. */
export function Reasons({ runId }: { runId: string }) {
  const reasons = useQuery(reasonsQuery(runId)).data ?? [];
  if (reasons.length === 0) return null;
  const [first] = reasons;
  if (reasons.length === 1 && first?.run === runId) {
    return (
      <Panel title="Why it ran">
        <p className={styles.why}>{first.why}</p>
      </Panel>
    );
  }
  return (
    <Panel title="Why steps ran" note="What changed since each was executed last.">
      <ul className={styles.list}>
        {reasons.map((one) => (
          <li key={one.run}>
            <Link to={`/runs/${one.run}`}>{one.step}</Link>
            <span className={styles.why}>{one.why}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
