import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Split } from "@/charts/split";
import { TrafficBars } from "@/charts/traffic-bars";
import { agoColumn } from "@/design/columns";
import { CommandButton } from "@/design/command-button";
import { Empty } from "@/design/empty";
import { formatCount, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Older } from "@/design/older";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago } from "@/design/time";
import styles from "./page.module.css";
import { releasesQuery, trafficQuery, trafficSeriesQuery } from "./queries";
import { Standing, standingOf } from "./standing";

type Release = Schemas["Release"];

const COLUMNS: Column<Release>[] = [
  {
    id: "number",
    header: "Release",
    value: (one) => one.number,
    show: (one) => (
      <b>
        {one.environment} {one.number}
      </b>
    ),
  },
  {
    id: "services",
    header: "Pins",
    value: (one) => Object.values(one.services).join(),
    show: (one) =>
      Object.entries(one.services).map(([service, model]) => (
        <span key={service}>
          {service} <RefLink ref_={model} />{" "}
        </span>
      )),
  },
  { id: "reason", header: "Reason", value: (one) => one.reason, wide: true },
  {
    id: "live",
    header: "In force",
    value: (one) => standingOf(one),
    show: (one) => <Standing release={one} />,
  },
  {
    id: "versions",
    header: "For",
    value: (one) => one.service_versions.join(),
    show: (one) => one.service_versions.join(", "),
    wide: true,
  },
  agoColumn("Made", (one) => one.created_at),
];

/** What serves now, in which shares, and every release before. */
export function ReleasesPage() {
  const traffic = useQuery(trafficQuery);
  const releases = useInfiniteQuery(releasesQuery);
  return (
    <Page
      title="Releases and traffic"
      aside={<CommandButton label="Roll back" command="towpath release rollback" />}
      lead={
        traffic.data && (
          <>
            <span>
              Route generation {traffic.data.generation}
              {traffic.data.changed_at && (
                <>
                  , changed <Ago at={traffic.data.changed_at} />
                </>
              )}
            </span>
            {traffic.data.suppressed_subjects > 0 && (
              <span>{plural(traffic.data.suppressed_subjects, "subject")} suppressed</span>
            )}
          </>
        )
      }
    >
      <Loaded query={traffic}>{(data) => <Now traffic={data} />}</Loaded>
      <Loaded query={releases}>
        {({ pages }) => (
          <Panel
            title="Releases"
            note="Each pins one model version per service, and the programs that go with them, as one."
            flush
          >
            {pages.flat().length === 0 ? (
              <Empty title="Nothing was released yet" />
            ) : (
              <Table
                rows={pages.flat()}
                columns={COLUMNS}
                to={(one) => `/releases/${one.number}`}
              />
            )}
            <Older query={releases}>Older releases</Older>
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

function Now({ traffic }: { traffic: Schemas["Traffic"] }) {
  return (
    <Columns wide>
      <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
        {traffic.services.map((service) => (
          <Service key={service.service} service={service} />
        ))}
        {traffic.services.length === 0 && (
          <Panel>
            <Empty title="Nothing serves yet">
              The first model that passes its gates is released by itself.
            </Empty>
          </Panel>
        )}
      </div>
      <Panel title="Gateways" note="Each keeps serving its last table when the database is away.">
        {traffic.gateways.length === 0 && "No gateway has reported."}
        <ul className={styles.gateways}>
          {traffic.gateways.map((gateway) => (
            <li key={gateway.name}>
              <span className={styles.name}>{gateway.name}</span>
              <span className={styles.address}>{gateway.address}</span>
              <GatewayState gateway={gateway} />
            </li>
          ))}
        </ul>
      </Panel>
    </Columns>
  );
}

function GatewayState({ gateway }: { gateway: Schemas["Gateway"] }) {
  if (!gateway.alive) return <State state="away" tone="bad" label="silent" />;
  if (!gateway.current) return <State state="behind" tone="warn" />;
  return <State state="live" label="up to date" />;
}

function Service({ service }: { service: Schemas["ServiceTraffic"] }) {
  const series = useQuery(trafficSeriesQuery(service.service)).data;
  return (
    <Panel
      title={service.service}
      note={noteOf(service)}
      aside={series && <span>{formatCount(series.total)} decisions</span>}
    >
      <Split arms={service.arms} />
      {series && series.bins.length > 0 && (
        <div style={{ marginTop: 18 }}>
          <TrafficBars series={series} height={230} />
        </div>
      )}
    </Panel>
  );
}

function noteOf(service: Schemas["ServiceTraffic"]): string {
  const durable =
    service.durability === "ack"
      ? "Decisions are on disk before the answer leaves"
      : "Decisions are on disk within a second";
  return service.subject_field
    ? `${durable}; subjects are hashed by ${service.subject_field}.`
    : `${durable}.`;
}
