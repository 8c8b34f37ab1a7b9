import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { capitalize, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { Ago, EventTime } from "@/design/time";
import { CaseCard } from "./cases";
import styles from "./cases.module.css";
import { Deeds, Keep } from "./deeds";
import { type Incident, incidentQuery } from "./queries";
import { toneOfIncident } from "./standing";
import { NearTrainingRows, Suspects } from "./suspects";

const DECISIONS_MOST = 10;

/** One incident: what happened, what may have caused it, and what keeps it from coming back. */
export function IncidentPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(incidentQuery(name));
  const incident = query.data;
  return (
    <Page
      title={incident ? capitalize(incident.title) : name}
      within={{ to: "/incidents", label: "Incidents" }}
      lead={
        incident && (
          <>
            <State state={incident.state} tone={toneOfIncident(incident.state)} />
            <Code value={incident.id} short={incident.id} />
            <span>
              opened by {incident.opened_by} <Ago at={incident.opened_at} />
            </span>
          </>
        )
      }
    >
      <Loaded query={query}>{(data) => <Body incident={data} key={data.id} />}</Loaded>
    </Page>
  );
}

function Body({ incident }: { incident: Incident }) {
  const [near, setNear] = useState<Schemas["NearRows"] | null>(null);
  const active = incident.kept.filter((one) => one.state === "active");
  const open = incident.state !== "closed";
  return (
    <>
      <Figures>
        <Figure label="Erred" value={<RefLink ref_={incident.model} />} note={incident.service} />
        <Figure label="Wrong answers" value={incident.evidence.length} note="recorded decisions" />
        <Figure label="Cases" value={active.length} note="that releases are held to" />
        <Figure
          label="Fixed by"
          value={incident.fixed_by ? <RefLink ref_={incident.fixed_by} /> : "–"}
          note={incident.fixed_by ? "it passes all cases" : undefined}
        />
      </Figures>
      <Columns wide>
        <div className={styles.stack}>
          <Suspects triage={incident.triage} />
          {near && <NearTrainingRows near={near} />}
          <Cases incident={incident} open={open} />
        </div>
        <div className={styles.stack}>
          <Panel title="What happened">
            <Happened incident={incident} />
          </Panel>
          {open && (
            <Panel title="What is done about it">
              <Deeds incident={incident} onNear={setNear} />
            </Panel>
          )}
          <Panel title="What came of it">
            <Came incident={incident} />
          </Panel>
        </div>
      </Columns>
    </>
  );
}

function Cases({ incident, open }: { incident: Incident; open: boolean }) {
  return (
    <Panel
      title="Regression cases"
      note="Each is one recorded input. Every version of the model is asked about it, exactly, before a release."
    >
      {incident.kept.length === 0 && (
        <p className={styles.quiet}>None was kept so far: nothing holds a later release back.</p>
      )}
      {incident.kept.map((held) => (
        <CaseCard key={held.name} held={held} />
      ))}
      {open && incident.evidence.length > 0 && (
        <details className={styles.fold} open={incident.kept.length === 0}>
          <summary>Keep a decision as a case</summary>
          <Keep incident={incident} />
        </details>
      )}
    </Panel>
  );
}

function Happened({ incident }: { incident: Incident }) {
  const { alert, evidence } = incident;
  const more = evidence.length - DECISIONS_MOST;
  return (
    <>
      {alert && (
        <p className={styles.quiet}>
          Opened from the alert <Link to={`/alerts/${alert}`}>{alert}</Link>
        </p>
      )}
      <ul className={styles.decisions}>
        {evidence.slice(0, DECISIONS_MOST).map((one) => (
          <li key={one.decision}>
            <RefLink ref_={`decision:${one.decision}`} />
            <br />
            <span>
              <EventTime at={one.at} />, <RefLink ref_={one.model} /> in{" "}
              <RefLink ref_={one.release} />
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p className={styles.quiet}>and {plural(more, "decision")} more</p>}
      {evidence.length === 0 && (
        <p className={styles.quiet}>None of its decisions is recorded any more.</p>
      )}
    </>
  );
}

/** What was started, which version mended it, and who said that it is over. */
function Came({ incident }: { incident: Incident }) {
  const { fixing, fixed_by, run, release, closed_by, closed_at, why } = incident;
  if (!fixing && !fixed_by && !closed_by) {
    return <p className={styles.quiet}>Nothing yet.</p>;
  }
  return (
    <Facts>
      {fixing && (
        <Fact name="Started">
          <Link to="/schedules">{fixing}</Link>
        </Fact>
      )}
      {fixed_by && (
        <Fact name="Fixed by">
          <RefLink ref_={fixed_by} />
        </Fact>
      )}
      {run && (
        <Fact name="Made by">
          <RefLink ref_={run.startsWith("run:") ? run : `run:${run}`} />
        </Fact>
      )}
      {release && (
        <Fact name="In force with">
          <RefLink ref_={release} />
        </Fact>
      )}
      {closed_by && (
        <Fact name="Closed">
          by {closed_by === "incident" ? "itself, as the fix serves" : closed_by}{" "}
          <Ago at={closed_at} />
        </Fact>
      )}
      {why && <Fact name="Why">{why}</Fact>}
    </Facts>
  );
}
