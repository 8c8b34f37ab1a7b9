import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Curve, type Line } from "@/charts/curve";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { capitalize, formatCount, formatNumber, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { OpenIncident } from "@/features/incidents/open-button";
import { toneOfAlert } from "./alert-list";
import styles from "./alert-page.module.css";
import { Attending } from "./attending";
import { alertQuery } from "./queries";

type Alert = Schemas["AlertDetail"];
type Feature = Schemas["AlertFeature"];

const MOST_CHARTS = 4;

const FEATURES: Column<Feature>[] = [
  { id: "name", header: "What", value: (one) => one.name, show: (one) => <b>{one.name}</b> },
  { id: "what", header: "Measured", value: (one) => one.what || one.statistic, wide: true },
  {
    id: "before",
    header: "Usual",
    value: (one) => one.before ?? null,
    show: (one) => formatNumber(one.before),
    align: "right",
  },
  {
    id: "after",
    header: "In the window",
    value: (one) => one.after ?? one.value ?? null,
    show: (one) => formatNumber(one.after ?? one.value),
    align: "right",
  },
  {
    id: "p",
    header: "Chance",
    value: (one) => one.p ?? null,
    show: (one) => (one.p === null || one.p === undefined ? "limit" : formatNumber(one.p)),
    align: "right",
    wide: true,
  },
];

/** One alert: what stood out, the curves that show it, what it cost and what was done about it. */
export function AlertPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(alertQuery(name));
  return (
    <Page
      title={query.data ? capitalize(query.data.summary) : name}
      within={{ to: "/monitors", label: "Monitors" }}
      lead={
        query.data && (
          <>
            <State state={query.data.state} tone={toneOfAlert(query.data)} />
            <span>{query.data.severity}</span>
          </>
        )
      }
      aside={query.data?.model && <OpenIncident alert={name} />}
    >
      <Loaded query={query}>{(alert) => <Body alert={alert} />}</Loaded>
    </Page>
  );
}

function Body({ alert }: { alert: Alert }) {
  return (
    <>
      <Figures>
        <Figure label="Since" value={<EventTime at={alert.begun} />} />
        <Figure
          label="Alarms"
          value={alert.alarms}
          note={alert.last && <>last at {<EventTime at={alert.last} />}</>}
        />
        <Figure label="Decisions" value={formatCount(alert.rows)} note="in its first window" />
        <Figure label="Model" value={<RefLink ref_={alert.model} />} />
      </Figures>
      <Evidence alert={alert} />
      <Columns wide>
        <Panel title="What stood out" flush>
          <Table rows={alert.features} columns={FEATURES} first={12} />
        </Panel>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Panel title="What is done about it">
            <Facts>
              <Fact name="Monitor">
                <Link to={`/monitors/${alert.monitor}`}>{alert.monitor}</Link>
              </Fact>
              <Fact name="Cost">{alert.cost || "nobody knows yet"}</Fact>
              {alert.by && <Fact name={capitalize(alert.state)}>by {alert.by}</Fact>}
              {alert.snoozed_until && (
                <Fact name="Until">
                  <EventTime at={alert.snoozed_until} />
                </Fact>
              )}
              {alert.why && <Fact name="Why">{alert.why}</Fact>}
            </Facts>
            <Attending alert={alert} />
          </Panel>
          <Panel title="Led to">
            <Consequences alert={alert} />
          </Panel>
          {alert.examples.length > 0 && (
            <Panel title="Decisions that show it" note={plural(alert.examples.length, "example")}>
              <ul className={styles.plain}>
                {alert.examples.map((id) => (
                  <li key={id}>
                    <RefLink ref_={`decision:${id}`} />
                  </li>
                ))}
              </ul>
            </Panel>
          )}
        </div>
      </Columns>
    </>
  );
}

function Consequences({ alert }: { alert: Alert }) {
  if (alert.led_to.length === 0 && alert.answers.length === 0)
    return <p className={styles.plain}>No trigger waits for it.</p>;
  return (
    <ul className={styles.plain}>
      {alert.led_to.map((name) => (
        <li key={name}>
          <Link to="/schedules">Started {name}</Link>
        </li>
      ))}
      {alert.answers.map((why) => (
        <li key={why}>{capitalize(why)}.</li>
      ))}
    </ul>
  );
}

/** The monitor's measurements of what stood out, each on its own scale, with this alert marked. */
function Evidence({ alert }: { alert: Alert }) {
  const lines = useMemo<Line[]>(() => {
    const drawn = alert.series.filter((one) => one.points.length > 1);
    const measured = drawn.filter((one) => one.key !== "score");
    return (measured.length > 0 ? measured : drawn).slice(0, MOST_CHARTS).map((one) => ({
      label: one.key,
      points: one.points.map((point) => [Date.parse(point.at) / 1000, point.value ?? null]),
    }));
  }, [alert.series]);
  const marks = useMemo(
    () => [Date.parse(alert.until ?? alert.at) / 1000],
    [alert.until, alert.at],
  );
  if (lines.length === 0) return null;
  return (
    <Panel
      title="Evidence"
      note="Each window's measurement; the mark is where the alarm was raised."
    >
      <div className={styles.charts}>
        {lines.map((line) => (
          <Curve key={line.label} lines={[line]} time marks={marks} height={180} />
        ))}
      </div>
    </Panel>
  );
}
