import { useQuery } from "@tanstack/react-query";
import { Empty } from "@/design/empty";
import { formatCount } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { type Queue, queuesQuery } from "./queries";

const COLUMNS: Column<Queue>[] = [
  {
    id: "name",
    header: "Queue",
    value: (one) => one.name,
    show: (one) => (
      <>
        <b>{one.name}</b>
        <br />
        <span style={{ color: "var(--ink-3)" }}>{one.question}</span>
      </>
    ),
  },
  { id: "service", header: "Service", value: (one) => one.service, wide: true },
  {
    id: "open",
    header: "To judge",
    value: (one) => one.open,
    show: (one) => formatCount(one.open),
    align: "right",
  },
  {
    id: "disputed",
    header: "Disputed",
    value: (one) => one.disputed,
    show: (one) =>
      one.disputed > 0 ? (
        <State state="disputed" tone="warn" label={formatCount(one.disputed)} />
      ) : (
        "0"
      ),
    align: "right",
  },
  {
    id: "labelled",
    header: "Labelled",
    value: (one) => one.labelled,
    show: (one) => formatCount(one.labelled),
    align: "right",
  },
  {
    id: "version",
    header: "Labelled set",
    value: (one) => one.version ?? "",
    show: (one) => (one.version ? <RefLink ref_={one.version} /> : "–"),
    wide: true,
  },
  {
    id: "drawn",
    header: "Drawn until",
    value: (one) => one.drawn_until ?? "",
    show: (one) =>
      one.idle ? <State state="idle" tone="warn" /> : <EventTime at={one.drawn_until} />,
    align: "right",
    wide: true,
  },
];

/** Label queues, and how much waits in each. */
export function LabelsPage() {
  return (
    <Page
      title="Labels"
      lead="Decisions that people are asked about; their answers become data sets."
    >
      <Loaded query={useQuery(queuesQuery)}>
        {(queues) => (
          <Panel flush>
            {queues.length === 0 ? (
              <Empty title="No label queue yet" command="towpath apply">
                Declare one: labelling=[tp.LabelQueue(…)].
              </Empty>
            ) : (
              <Table rows={queues} columns={COLUMNS} to={(one) => `/labels/${one.name}`} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
