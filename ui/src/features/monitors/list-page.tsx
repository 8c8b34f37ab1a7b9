import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { formatNumber, humanize } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { AlertList } from "./alert-list";
import { alertsQuery, monitorsQuery } from "./queries";

type Monitor = Schemas["MonitorSummary"];

const COLUMNS: Column<Monitor>[] = [
  { id: "name", header: "Monitor", value: (one) => one.name, show: (one) => <b>{one.name}</b> },
  { id: "kind", header: "Watches", value: (one) => humanize(one.kind), wide: true },
  {
    id: "firing",
    header: "State",
    value: (one) => Number(one.firing),
    show: (one) =>
      one.firing ? <State state="alarm" tone="bad" /> : <State state="quiet" tone="good" />,
  },
  {
    id: "model",
    header: "Model",
    value: (one) => one.model ?? "",
    show: (one) => (one.model ? <RefLink ref_={one.model} /> : "–"),
    wide: true,
  },
  {
    id: "score",
    header: "Score",
    value: (one) => one.score ?? null,
    show: (one) => formatNumber(one.score),
    align: "right",
  },
  { id: "alerts", header: "Alarms", value: (one) => one.alerts, align: "right" },
  {
    id: "watermark",
    header: "Judged until",
    value: (one) => one.watermark ?? "",
    show: (one) => <EventTime at={one.watermark} />,
    align: "right",
    wide: true,
  },
];

/** What still needs somebody comes first. */
const inOrder = (alerts: Schemas["Alert"][]) => [
  ...alerts.filter((one) => one.state !== "resolved"),
  ...alerts.filter((one) => one.state === "resolved"),
];

/** Monitors and the alarms they raised. */
export function MonitorsPage() {
  const alerts = useQuery(alertsQuery);
  return (
    <Page
      title="Monitors"
      lead="Windows of live data against what the model was trained on, and what was promised of it."
    >
      <Columns wide>
        <Loaded query={useQuery(monitorsQuery)}>
          {(monitors) => (
            <Panel title="Monitors" flush>
              {monitors.length === 0 ? (
                <Empty title="Nothing is watched yet" command="towpath apply" />
              ) : (
                <Table rows={monitors} columns={COLUMNS} to={(one) => `/monitors/${one.name}`} />
              )}
            </Panel>
          )}
        </Loaded>
        <Panel title="Alerts" flush>
          <AlertList alerts={inOrder(alerts.data ?? [])} />
        </Panel>
      </Columns>
    </Page>
  );
}
