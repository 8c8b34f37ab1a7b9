import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { agoColumn } from "@/design/columns";
import { Empty } from "@/design/empty";
import { capitalize } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { casesQuery, incidentsQuery } from "./queries";
import { outcomeOf, toneOfIncident } from "./standing";

type Summary = Schemas["IncidentSummary"];
type Case = Schemas["HeldCase"];

const COLUMNS: Column<Summary>[] = [
  {
    id: "title",
    header: "Incident",
    value: (one) => one.title,
    show: (one) => <b>{capitalize(one.title)}</b>,
  },
  {
    id: "state",
    header: "State",
    value: (one) => one.state,
    show: (one) => <State state={one.state} tone={toneOfIncident(one.state)} />,
  },
  { id: "id", header: "Name", value: (one) => one.id, wide: true },
  {
    id: "model",
    header: "Erred",
    value: (one) => one.model,
    show: (one) => <RefLink ref_={one.model} />,
    wide: true,
  },
  { id: "cases", header: "Cases", value: (one) => one.cases, align: "right", wide: true },
  { id: "by", header: "Opened by", value: (one) => one.opened_by, wide: true },
  agoColumn("Opened", (one) => one.opened_at),
];

const CASES: Column<Case>[] = [
  {
    id: "name",
    header: "Case",
    value: (one) => one.name,
    show: (one) => <RefLink ref_={`incident:${one.incident}`}>{one.name}</RefLink>,
  },
  { id: "service", header: "Service", value: (one) => one.service, wide: true },
  { id: "must", header: "The answer must be", value: (one) => one.expectation, wide: true },
  {
    id: "erred",
    header: "Erred",
    value: (one) => one.model,
    show: (one) => <RefLink ref_={one.model} />,
    wide: true,
  },
  {
    id: "newest",
    header: "Newest version",
    value: (one) => one.standings[0]?.verdict ?? "",
    show: (one) => <Newest held={one} />,
  },
];

function Newest({ held }: { held: Case }) {
  const [newest] = held.standings;
  if (!newest) return <>–</>;
  const { label, tone } = outcomeOf(newest);
  return (
    <>
      <RefLink ref_={newest.model} /> <State state={newest.verdict} label={label} tone={tone} />
    </>
  );
}

const SHOWN = [
  { value: "pending", label: "Not closed" },
  { value: "all", label: "All" },
];

/** What went wrong, how far each is, and the cases that releases are held to since. */
export function IncidentsPage() {
  const [shown, setShown] = useState("pending");
  return (
    <Page
      title="Incidents"
      lead="From a wrong answer to its cause, to a model that does not repeat it."
      aside={<SegmentedControl size="xs" data={SHOWN} value={shown} onChange={setShown} />}
    >
      <Loaded query={useQuery(incidentsQuery)}>
        {(incidents) => {
          const rows = incidents.filter((one) => shown === "all" || one.state !== "closed");
          return (
            <Panel flush>
              {rows.length === 0 ? (
                <Empty
                  title={incidents.length === 0 ? "Nothing has gone wrong" : "All are closed"}
                  command="towpath incident open --decision ID"
                >
                  An incident is opened from a decision or an alert, on its page or by command.
                </Empty>
              ) : (
                <Table rows={rows} columns={COLUMNS} to={(one) => `/incidents/${one.id}`} />
              )}
            </Panel>
          );
        }}
      </Loaded>
      <Loaded query={useQuery(casesQuery)}>
        {(cases) =>
          cases.length > 0 && (
            <Panel
              title="Regression cases"
              note="Recorded inputs that every release must answer as it should have been."
              flush
            >
              <Table rows={cases} columns={CASES} first={20} />
            </Panel>
          )
        }
      </Loaded>
    </Page>
  );
}
