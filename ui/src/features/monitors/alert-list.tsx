import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { formatNumber } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { EventTime } from "@/design/time";
import styles from "./alert-list.module.css";

/** Alarms, newest first, each with the features to blame and what it led to. */
export function AlertList({ alerts }: { alerts: Schemas["Alert"][] }) {
  if (alerts.length === 0) return <Empty title="All quiet">No monitor has raised an alarm.</Empty>;
  return (
    <ul className={styles.list}>
      {alerts.map((alert) => (
        <li key={alert.id}>
          <p className={styles.title}>
            <Link to={`/monitors/${alert.monitor}`}>{alert.summary || `${alert.kind} alarm`}</Link>
          </p>
          <p className={styles.facts}>
            <EventTime at={alert.at} /> on <RefLink ref_={alert.model} />
          </p>
          {alert.features.length > 0 && (
            <ul className={styles.features}>
              {alert.features.slice(0, 5).map((feature) => (
                <li key={feature.name}>
                  {feature.name}
                  <span>
                    {feature.statistic} {formatNumber(feature.value)}
                  </span>
                </li>
              ))}
            </ul>
          )}
          <Answer alert={alert} />
        </li>
      ))}
    </ul>
  );
}

function Answer({ alert }: { alert: Schemas["Alert"] }) {
  if (alert.led_to.length > 0) return <p className={styles.led}>Started a retraining.</p>;
  const [why] = alert.answers;
  return why ? <p className={styles.facts}>No retraining: {why}.</p> : null;
}
