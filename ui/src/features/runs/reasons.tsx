import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { plural } from "@/design/format";
import { Panel } from "@/design/panel";
import { groupedByWhy } from "./grouping";
import { reasonsQuery } from "./queries";
import styles from "./reasons.module.css";

/** Why steps were executed rather than taken from the cache. */
export function Reasons({ runId }: { runId: string }) {
  const reasons = useQuery(reasonsQuery(runId)).data ?? [];
  const [first] = reasons;
  if (!first) return null;
  if (reasons.length === 1 && first.run === runId) {
    return (
      <Panel title="Why it ran">
        <p className={styles.why}>{first.why}</p>
      </Panel>
    );
  }
  return (
    <Panel title="Why steps ran" note="What changed since each was executed last.">
      <ul className={styles.list}>
        {groupedByWhy(reasons).map(({ why, steps }) => (
          <li key={why}>
            <span className={styles.why}>{why}</span>
            <span className={styles.steps}>
              {steps.map(({ name, run, calls }) => (
                <Link key={name} to={`/runs/${run}`}>
                  {name}
                  {calls > 1 && <small> {plural(calls, "call")}</small>}
                </Link>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
