import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Bars } from "@/charts/bars";
import { agoColumn } from "@/design/columns";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { formatBytes, formatCount, formatShare } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { parseRef, RefLink } from "@/design/ref-link";
import { RefList } from "@/design/ref-list";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { profileQuery } from "@/features/datasets/queries";
import { FeatureColumns } from "./columns";
import styles from "./features.module.css";
import { formatSpan, Offline, Online } from "./freshness";
import { Tags } from "./list-page";
import { viewQuery } from "./queries";
import shapes from "./shapes.module.css";

type View = Schemas["FeatureViewDetail"];
type Version = Schemas["FeatureVersion"];

const VERSIONS: Column<Version>[] = [
  {
    id: "number",
    header: "Version",
    value: (one) => one.number,
    show: (one) => <RefLink ref_={one.ref}>{`@${one.number}`}</RefLink>,
  },
  {
    id: "source",
    header: "Laid out from",
    value: (one) => one.source,
    show: (one) => <RefLink ref_={one.source} />,
  },
  {
    id: "rows",
    header: "Observations",
    value: (one) => one.rows,
    show: (one) => formatCount(one.rows),
    align: "right",
  },
  {
    id: "bytes",
    header: "Size",
    value: (one) => one.bytes,
    show: (one) => formatBytes(one.bytes),
    align: "right",
    wide: true,
  },
  agoColumn("Made", (one) => one.created_at),
];

/** A feature view: what it knows, how fresh it is, where it comes from and who uses it. */
export function ViewPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(viewQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/features", label: "Features" }}
      lead={
        query.data && (
          <>
            <span>{query.data.description}</span>
            <Tags tags={query.data.tags} />
          </>
        )
      }
      aside={query.data?.version && <LineageButton ref_={query.data.version} />}
    >
      <Loaded query={query}>{(view) => <Body view={view} />}</Loaded>
    </Page>
  );
}

function Body({ view }: { view: View }) {
  const { online } = view;
  return (
    <>
      <Figures>
        <Figure
          label="Online"
          value={<Online view={view} />}
          note={
            online?.at ? (
              <>
                reaches <EventTime at={online.at} />
              </>
            ) : (
              online?.why
            )
          }
        />
        <Figure
          label="Offline"
          value={<Offline view={view} />}
          note={view.version ? <RefLink ref_={view.version} /> : "no version yet"}
        />
        <Figure
          label="Entities"
          value={formatCount(view.entities)}
          note={`by ${view.entity.join(", ")}`}
        />
        <Figure label="Observations" value={formatCount(view.rows)} />
        <Figure
          label="Usable for"
          value={view.ttl_s == null ? "ever" : formatSpan(view.ttl_s)}
          note="after its time"
        />
      </Figures>
      <Columns wide>
        <div className={styles.side}>
          <Panel title="Features" flush>
            <FeatureColumns columns={view.columns} />
          </Panel>
          <Spread view={view} />
          {view.history.length > 0 && (
            <Panel title="Versions" flush>
              <Table rows={view.history} columns={VERSIONS} first={10} />
            </Panel>
          )}
        </div>
        <div className={styles.side}>
          <Panel title="Declaration">
            <Facts>
              <Fact name="Owner">{view.owner || "nobody named"}</Fact>
              <Fact name="Project">{view.project}</Fact>
              <Fact name="Source">
                <RefLink ref_={view.latest_source ?? `dataset:${view.source}`} />
              </Fact>
              <Fact name="Entity">
                <code>{view.entity.join(", ")}</code>
              </Fact>
              <Fact name="True at">
                <code>{view.time}</code>
              </Fact>
              {view.created && (
                <Fact name="Known at">
                  <code>{view.created}</code>
                </Fact>
              )}
              {online && (
                <Fact name="Materialised">
                  with each version of its source
                  {online.every_s != null && `, and every ${formatSpan(online.every_s)}`}
                </Fact>
              )}
              {online && online.rows > 0 && (
                <Fact name="Last written">
                  {formatCount(online.rows)}{" "}
                  {online.whole ? "rows, all of them" : "rows that changed"}
                </Fact>
              )}
            </Facts>
          </Panel>
          <Panel title="Used by">
            {view.services.length + view.models.length === 0 ? (
              <p className={styles.none}>No service or model uses it yet.</p>
            ) : (
              <RefList
                refs={[...view.services.map((one) => `feature_service:${one}`), ...view.models]}
              />
            )}
          </Panel>
        </div>
      </Columns>
    </>
  );
}

/** How the features' values are spread, as the source's own profile counted them. */
function Spread({ view }: { view: View }) {
  const { name, number } = parseRef(view.latest_source ?? "");
  const query = useQuery({
    ...profileQuery(name, Number(number)),
    enabled: view.latest_source != null,
  });
  const wanted = new Set(view.columns.map((one) => one.name));
  const columns = query.data?.columns.filter((one) => wanted.has(one.name)) ?? [];
  if (columns.length === 0 || !query.data) return null;
  const rows = Math.max(query.data.rows, 1);
  return (
    <Panel
      title="How their values are spread"
      note={
        <>
          Counted in{" "}
          <Link to="/datasets/$name/$number" params={{ name, number: number ?? "" }}>
            {name}@{number}
          </Link>
        </>
      }
    >
      <div className={shapes.shapes}>
        {columns.map((column) => (
          <article key={column.name}>
            <h3>{column.name}</h3>
            <Bars column={column} />
            {column.nulls > 0 && <p>{formatShare(column.nulls / rows)} missing</p>}
          </article>
        ))}
      </div>
    </Panel>
  );
}
