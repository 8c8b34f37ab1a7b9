import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { formatNumber } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { EventTime } from "@/design/time";
import type { Tone } from "@/design/tone";
import styles from "./alert-list.module.css";

type Alert = Schemas["Alert"];

const TONES: Record<string, Tone> = {
  open: "bad",
  acknowledged: "warn",
  snoozed: "idle",
  resolved: "good",
};

/** What an alert's state means to somebody who looks for work. */
export const toneOfAlert = (alert: Alert): Tone => TONES[alert.state] ?? "idle";

/** Alerts, newest first, each with what stood out and what it led to. */
export function AlertList({ alerts }: { alerts: Alert[] }) {
  if (alerts.length === 0) return <Empty title="All quiet">No monitor has raised an alarm.</Empty>;
  return (
    <ul className={styles.list}>
      {alerts.map((alert) => (
        <li key={alert.id} data-state={alert.state}>
          <p className={styles.title}>
            <Link to={`/alerts/${alert.id}`}>{alert.summary || `${alert.kind} alarm`}</Link>
          </p>
          <p className={styles.facts}>
            <State state={alert.state} tone={toneOfAlert(alert)} /> <EventTime at={alert.at} /> on{" "}
            <RefLink ref_={alert.model} />
            {alert.alarms > 1 && `, ${alert.alarms} alarms`}
          </p>
          {alert.features.length > 0 && (
            <ul className={styles.features}>
              {alert.features.slice(0, 5).map((feature) => (
                <li key={`${feature.name} ${feature.statistic}`}>
                  {feature.name}
                  <span>
                    {feature.statistic} {formatNumber(feature.value)}
                  </span>
                </li>
              ))}
            </ul>
          )}
          {alert.cost && <p className={styles.facts}>Cost: {alert.cost}</p>}
          <LedTo alert={alert} />
        </li>
      ))}
    </ul>
  );
}

/** What was started because of an alert, or why nothing was. */
export function LedTo({ alert }: { alert: Alert }) {
  if (alert.led_to.length > 0) return <p className={styles.led}>Started a retraining.</p>;
  const [why] = alert.answers;
  return why ? <p className={styles.facts}>No retraining: {why}.</p> : null;
}
