import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { formatCount } from "@/design/format";
import { SearchIcon } from "@/design/icons";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { type Column, Table } from "@/design/table";
import styles from "./features.module.css";
import { formatSpan, Offline, Online } from "./freshness";
import { servicesQuery, viewsQuery } from "./queries";

type View = Schemas["FeatureViewSummary"];
type Service = Schemas["FeatureServiceSummary"];

const VIEWS: Column<View>[] = [
  {
    id: "name",
    header: "Feature view",
    value: (one) => one.name,
    show: (one) => (
      <>
        <b>{one.name}</b>
        {one.description && <p className={styles.said}>{one.description}</p>}
        <Tags tags={one.tags} />
      </>
    ),
  },
  {
    id: "entity",
    header: "By",
    value: (one) => one.entity.join(", "),
    show: (one) => <code>{one.entity.join(", ")}</code>,
  },
  { id: "features", header: "Features", value: (one) => one.features, align: "right", wide: true },
  {
    id: "ttl",
    header: "Usable for",
    value: (one) => one.ttl_s ?? null,
    show: (one) => (one.ttl_s == null ? "ever" : formatSpan(one.ttl_s)),
    align: "right",
    wide: true,
  },
  {
    id: "entities",
    header: "Entities",
    value: (one) => one.entities,
    show: (one) => formatCount(one.entities),
    align: "right",
    wide: true,
  },
  {
    id: "fresh",
    header: "Offline",
    value: (one) => Number(one.fresh ?? -1),
    show: (one) => <Offline view={one} />,
  },
  {
    id: "online",
    header: "Online",
    value: (one) => one.online?.freshness ?? "",
    show: (one) => <Online view={one} />,
  },
  { id: "owner", header: "Owner", value: (one) => one.owner, wide: true },
];

const SERVICES: Column<Service>[] = [
  {
    id: "name",
    header: "Feature service",
    value: (one) => one.name,
    show: (one) => (
      <>
        <b>{one.name}</b>
        {one.description && <p className={styles.said}>{one.description}</p>}
      </>
    ),
  },
  {
    id: "views",
    header: "Looks up",
    value: (one) => one.views.join(", "),
    show: (one) => (
      <span className={styles.refs}>
        {one.views.map((view) => (
          <RefLink key={view} ref_={`features:${view}`} />
        ))}
      </span>
    ),
  },
  { id: "features", header: "Features", value: (one) => one.features, align: "right" },
  {
    id: "computed",
    header: "Computed on demand",
    value: (one) => one.on_demand,
    align: "right",
    wide: true,
  },
  { id: "owner", header: "Owner", value: (one) => one.owner, wide: true },
];

/** What features there are, whose they are, and how fresh. */
export function FeaturesPage() {
  const [text, setText] = useState("");
  const views = useQuery(viewsQuery);
  const services = useQuery(servicesQuery);
  return (
    <Page
      title="Features"
      lead="Columns that describe an entity as of any moment: the same in training and serving."
    >
      <TextInput
        aria-label="Find features"
        placeholder="A name, an entity, an owner, a tag, a word of the description"
        leftSection={<SearchIcon size={16} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Loaded query={views}>{(found) => <Views views={found} text={text} />}</Loaded>
      {services.data && services.data.length > 0 && (
        <Panel title="Feature services" note="The sets of features that models use." flush>
          <Table
            rows={services.data.filter((one) => fits(one, text))}
            columns={SERVICES}
            to={(one) => `/features/services/${one.name}`}
          />
        </Panel>
      )}
    </Page>
  );
}

function Views({ views, text }: { views: View[]; text: string }) {
  const shown = useMemo(() => views.filter((one) => fits(one, text)), [views, text]);
  return (
    <Panel title="Feature views" flush={shown.length > 0}>
      {views.length === 0 && (
        <Empty title="No feature view yet" command="towpath apply">
          Declare one: features=[tp.FeatureView(…)].
        </Empty>
      )}
      {views.length > 0 && shown.length === 0 && <Empty title="Nothing goes by that word" />}
      {shown.length > 0 && (
        <Table rows={shown} columns={VIEWS} to={(one) => `/features/${one.name}`} />
      )}
    </Panel>
  );
}

export function Tags({ tags }: { tags: Record<string, string> }) {
  const found = Object.entries(tags);
  if (found.length === 0) return null;
  return (
    <span className={styles.tags}>
      {found.map(([name, value]) => (
        <span key={name}>
          {name} <b>{value}</b>
        </span>
      ))}
    </span>
  );
}

/** Whether every word typed is somewhere in what is said of a thing. */
function fits(one: View | Service, text: string): boolean {
  const said = JSON.stringify(one).toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => said.includes(word));
}
