import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { agoColumn } from "@/design/columns";
import { Empty } from "@/design/empty";
import { formatBytes, formatCount, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { datasetsQuery } from "./queries";

type Dataset = Schemas["DatasetSummary"];

const COLUMNS: Column<Dataset>[] = [
  {
    id: "name",
    header: "Data set",
    value: (one) => one.name,
    show: (one) => (
      <>
        <b>{one.name}</b>{" "}
        {one.looks_personal > 0 && (
          <State
            state="personal"
            tone="bad"
            label={`${plural(one.looks_personal, "column looks", "columns look")} personal`}
          />
        )}
        <br />
        <span style={{ color: "var(--ink-3)" }}>{one.description}</span>
      </>
    ),
  },
  { id: "project", header: "Project", value: (one) => one.project, wide: true },
  {
    id: "subject",
    header: "Subject",
    value: (one) => one.subject ?? "",
    show: (one) => one.subject ?? <span style={{ color: "var(--ink-3)" }}>nobody</span>,
    wide: true,
  },
  {
    id: "versions",
    header: "Versions",
    value: (one) => one.versions,
    show: (one) => (
      <>
        {formatCount(one.versions)}
        {one.branches > 0 && (
          <span style={{ color: "var(--ink-3)" }}>
            {" "}
            + {plural(one.branches, "branch", "branches")}
          </span>
        )}
      </>
    ),
    align: "right",
  },
  {
    id: "rows",
    header: "Rows",
    value: (one) => one.latest?.rows ?? 0,
    show: (one) => formatCount(one.latest?.rows ?? 0),
    align: "right",
  },
  {
    id: "bytes",
    header: "Size",
    value: (one) => one.latest?.bytes ?? 0,
    show: (one) => formatBytes(one.latest?.bytes ?? 0),
    align: "right",
    wide: true,
  },
  agoColumn("Newest", (one) => one.latest?.created_at),
];

/** Data sets with their newest version. */
export function DatasetsPage() {
  return (
    <Page
      title="Data sets"
      lead="Versioned tables. Old versions stay readable, minus what was erased."
    >
      <Loaded query={useQuery(datasetsQuery)}>
        {(datasets) => (
          <Panel flush>
            {datasets.length === 0 ? (
              <Empty title="No data set yet" command="towpath dataset add NAME FILE" />
            ) : (
              <Table rows={datasets} columns={COLUMNS} to={(one) => `/datasets/${one.name}`} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
