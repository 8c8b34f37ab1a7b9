import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { agoColumn } from "@/design/columns";
import { Empty } from "@/design/empty";
import { formatCount, formatDay } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { erasuresQuery } from "./queries";

type Erasure = Schemas["Erasure"];

const COLUMNS: Column<Erasure>[] = [
  {
    id: "subject",
    header: "Subject",
    value: (one) => one.subject,
    show: (one) => (
      <>
        {one.field} <Code value={one.subject} />
      </>
    ),
  },
  {
    id: "phase",
    header: "Reached",
    value: (one) => one.phase,
    show: (one) => <State state={one.phase} tone={toneOf(one)} />,
  },
  {
    id: "versions",
    header: "Versions",
    value: (one) => one.totals.versions ?? 0,
    align: "right",
    wide: true,
  },
  {
    id: "rows",
    header: "Rows removed",
    value: (one) => one.totals.rows ?? 0,
    show: (one) => formatCount(one.totals.rows ?? 0),
    align: "right",
  },
  {
    id: "models",
    header: "Models replaced",
    value: (one) => Object.keys(one.replacements).length,
    align: "right",
    wide: true,
  },
  {
    id: "due",
    header: "Due by",
    value: (one) => one.due_by ?? "",
    show: (one) => <Due erasure={one} />,
    align: "right",
    wide: true,
  },
  agoColumn("Requested", (one) => one.requested_at),
];

/** By when it must be done; nothing where it is. */
function Due({ erasure }: { erasure: Erasure }) {
  if (erasure.certified || !erasure.due_by) return <>–</>;
  if (erasure.late) return <State state="late" tone="bad" label={formatDay(erasure.due_by)} />;
  return <time dateTime={erasure.due_by}>{formatDay(erasure.due_by)}</time>;
}

function toneOf(erasure: Erasure) {
  if (erasure.blocked) return "bad";
  return erasure.certified ? "good" : "active";
}

/** Withdrawals and how far each is. */
export function ErasuresPage() {
  return (
    <Page
      title="Erasures"
      lead="A person withdraws: their data leaves every version, every cache and every model, and a certificate says so."
    >
      <Loaded query={useQuery(erasuresQuery)}>
        {(erasures) => (
          <Panel flush>
            {erasures.length === 0 ? (
              <Empty title="Nobody has withdrawn" command="towpath erase FIELD=VALUE --dry-run">
                A dry run shows the plan and changes nothing.
              </Empty>
            ) : (
              <Table rows={erasures} columns={COLUMNS} to={(one) => `/erasures/${one.id}`} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
