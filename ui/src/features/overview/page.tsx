import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Split } from "@/charts/split";
import { TrafficBars } from "@/charts/traffic-bars";
import { Empty } from "@/design/empty";
import { formatShare, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { EventList } from "@/features/log/event-list";
import { AlertList } from "@/features/monitors/alert-list";
import { RolloutTrack } from "@/features/rollouts/track";
import { Loop } from "./loop";
import { overviewQuery } from "./queries";

/** The loop at a glance: where everything stands, and what happened last. */
export function OverviewPage() {
  return (
    <Page title="Overview">
      <Loaded query={useQuery(overviewQuery)}>{(data) => <Overview data={data} />}</Loaded>
    </Page>
  );
}

function Overview({ data }: { data: Schemas["Overview"] }) {
  return (
    <>
      <Loop stages={data.stages} />
      <Columns wide>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          {data.services.map((service) => (
            <ServicePanel
              key={service.service}
              service={service}
              series={data.traffic.find((one) => one.service === service.service)}
            />
          ))}
          {data.services.length === 0 && <NoService />}
          {data.rollouts.map((rollout) => (
            <Panel
              key={rollout.name}
              title={`Rollout ${rollout.name}`}
              aside={<Link to={`/rollouts/${rollout.name}`}>Evidence</Link>}
            >
              <RolloutTrack rollout={rollout} />
            </Panel>
          ))}
        </div>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Panel title="Alarms" aside={<Link to="/monitors">All monitors</Link>} flush>
            <AlertList alerts={data.alerts} />
          </Panel>
          <Panel title="Newest in the log" aside={<Link to="/log">Whole log</Link>} flush>
            <EventList events={data.events} />
          </Panel>
        </div>
      </Columns>
    </>
  );
}

interface ServicePanelProps {
  service: Schemas["ServiceTraffic"];
  series?: Schemas["TrafficSeries"];
}

function ServicePanel({ service, series }: ServicePanelProps) {
  const challenger = service.arms[1];
  return (
    <Panel
      title={service.service}
      note={
        challenger
          ? `A challenger takes ${formatShare(challenger.weight)} of the traffic.`
          : "One champion answers everything."
      }
      aside={
        series && (
          <span>
            {plural(series.total, "decision")}
            {series.errors > 0 && `, ${plural(series.errors, "error")}`}
          </span>
        )
      }
    >
      <Split arms={service.arms} />
      {series && series.bins.length > 0 && (
        <div style={{ marginTop: 18 }}>
          <TrafficBars series={series} height={210} />
        </div>
      )}
    </Panel>
  );
}

function NoService() {
  return (
    <Panel title="Services">
      <Empty title="Nothing serves yet" command="towpath run train">
        The first model that passes its gates is released by itself.
      </Empty>
    </Panel>
  );
}
