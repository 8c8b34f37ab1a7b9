import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { formatBytes, formatCount } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago } from "@/design/time";
import { Profile } from "./profile";
import { datasetQuery } from "./queries";

type Version = Schemas["DatasetVersion"];

const COLUMNS: Column<Version>[] = [
  {
    id: "number",
    header: "Version",
    value: (one) => one.number,
    show: (one) => <RefLink ref_={one.ref} />,
  },
  {
    id: "rows",
    header: "Rows",
    value: (one) => one.rows,
    show: (one) => formatCount(one.rows),
    align: "right",
  },
  {
    id: "added",
    header: "Added",
    value: (one) => one.added_rows,
    show: (one) => `+${formatCount(one.added_rows)}`,
    align: "right",
    wide: true,
  },
  { id: "files", header: "Files", value: (one) => one.files, align: "right", wide: true },
  {
    id: "revision",
    header: "Content",
    value: (one) => one.revision,
    show: (one) =>
      one.revision > 1 ? (
        <State state="revised" tone="warn" label={`erased from, revision ${one.revision}`} />
      ) : (
        <State state="original" tone="idle" />
      ),
  },
  {
    id: "digest",
    header: "Digest",
    value: (one) => one.digest,
    show: (one) => <Code value={one.digest} />,
    wide: true,
  },
  {
    id: "at",
    header: "Committed",
    value: (one) => one.created_at,
    show: (one) => <Ago at={one.created_at} />,
    align: "right",
  },
];

/** A data set: its versions, its newest profile, its columns. */
export function DatasetPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(datasetQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/datasets", label: "Data sets" }}
      lead={query.data?.description}
    >
      <Loaded query={query}>{(dataset) => <Body dataset={dataset} />}</Loaded>
    </Page>
  );
}

function Body({ dataset }: { dataset: Schemas["DatasetDetail"] }) {
  const { latest } = dataset;
  return (
    <>
      <Figures>
        <Figure label="Rows" value={formatCount(latest?.rows ?? 0)} note="newest version" />
        <Figure label="Size" value={formatBytes(latest?.bytes ?? 0)} />
        <Figure label="Versions" value={dataset.versions} />
        <Figure label="Rewritten by erasures" value={dataset.revised} />
      </Figures>
      <Columns wide>
        <Panel title="Versions" flush>
          <Table
            rows={dataset.history}
            columns={COLUMNS}
            to={(one) => `/datasets/${dataset.name}/${one.number}`}
          />
        </Panel>
        <Panel title="Shape">
          <Facts>
            <Fact name="Project">{dataset.project}</Fact>
            <Fact name="Key">
              <code>{dataset.key.join(", ")}</code>
            </Fact>
            <Fact name="Time">{dataset.time ?? "none"}</Fact>
            <Fact name="Subject">{dataset.subject ?? "nobody's data"}</Fact>
            <Fact name="Columns">{dataset.columns.length}</Fact>
          </Facts>
        </Panel>
      </Columns>
      {latest && <Profile name={dataset.name} number={latest.number} />}
    </>
  );
}
