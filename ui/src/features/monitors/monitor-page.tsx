import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Figure, Figures } from "@/design/facts";
import { formatCount, formatNumber } from "@/design/format";
import { Json } from "@/design/json";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { AlertList } from "./alert-list";
import { MonitorCharts } from "./charts";
import { monitorQuery } from "./queries";
import { Spreads } from "./spreads";

type Monitor = Schemas["MonitorDetail"];
type Window = Schemas["MonitorWindow"];

const WINDOWS: Column<Window>[] = [
  {
    id: "until",
    header: "Window ended",
    value: (one) => one.until ?? "",
    show: (one) => <EventTime at={one.until} />,
  },
  {
    id: "rows",
    header: "Rows",
    value: (one) => one.rows,
    show: (one) => formatCount(one.rows),
    align: "right",
  },
  {
    id: "score",
    header: "Score",
    value: (one) => one.score ?? null,
    show: (one) => formatNumber(one.score),
    align: "right",
  },
  {
    id: "features",
    header: "Stood out",
    value: (one) => one.features.map((feature) => feature.name).join(", "),
    wide: true,
  },
  {
    id: "alarm",
    header: "Verdict",
    value: (one) => Number(one.alarm),
    show: verdictOf,
  },
];

function verdictOf(window: Window) {
  if (window.alarm) return <State state="alarm" tone="bad" />;
  return <State state={window.judged ? "quiet" : "too few rows"} tone="idle" />;
}

/** One monitor: its curves against their thresholds, alarms marked. */
export function MonitorPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(monitorQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/monitors", label: "Monitors" }}
      lead={
        query.data && (
          <>
            <State
              state={query.data.firing ? "alarm" : "quiet"}
              tone={query.data.firing ? "bad" : "good"}
            />
            {query.data.blind && <span>Can't judge: {query.data.blind}</span>}
          </>
        )
      }
    >
      <Loaded query={query}>{(monitor) => <Body monitor={monitor} />}</Loaded>
    </Page>
  );
}

function Body({ monitor }: { monitor: Monitor }) {
  return (
    <>
      <Figures>
        <Figure label="Score now" value={formatNumber(monitor.score)} note="an alarm at 1" />
        <Figure
          label="Windows judged"
          value={formatCount(monitor.windows)}
          note={`of ${monitor.window} each`}
        />
        <Figure label="Alarms" value={monitor.alerts} />
        <Figure label="Watches" value={monitor.model ? <RefLink ref_={monitor.model} /> : "–"} />
        <Figure label="Judged until" value={<EventTime at={monitor.watermark} />} />
      </Figures>
      <MonitorCharts monitor={monitor} />
      <Spreads monitor={monitor.name} />
      <Columns wide>
        <Panel title="Windows" flush>
          <Table rows={monitor.recent} columns={WINDOWS} first={14} />
        </Panel>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Panel title="Alerts" flush>
            <AlertList alerts={monitor.alarms} />
          </Panel>
          <Panel title="Declaration">
            <Json value={monitor.spec} />
          </Panel>
        </div>
      </Columns>
    </>
  );
}
