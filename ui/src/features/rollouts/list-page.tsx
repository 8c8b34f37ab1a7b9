import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { agoColumn } from "@/design/columns";
import { Empty } from "@/design/empty";
import { formatShare, humanize } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { rolloutsQuery } from "./queries";
import { stateOf } from "./track";

type Rollout = Schemas["RolloutSummary"];

const COLUMNS: Column<Rollout>[] = [
  { id: "name", header: "Rollout", value: (one) => one.name, show: (one) => <b>{one.name}</b> },
  {
    id: "challenger",
    header: "Challenger",
    value: (one) => one.challenger,
    show: (one) => <RefLink ref_={one.challenger} />,
  },
  {
    id: "champion",
    header: "Champion",
    value: (one) => one.champion,
    show: (one) => <RefLink ref_={one.champion} />,
    wide: true,
  },
  {
    id: "outcome",
    header: "Outcome",
    value: stateOf,
    show: (one) => <State state={stateOf(one)} />,
  },
  {
    id: "weight",
    header: "Share",
    value: (one) => one.weight,
    show: (one) => formatShare(one.weight),
    align: "right",
  },
  {
    id: "strategy",
    header: "Strategy",
    value: (one) => one.strategy,
    show: (one) => humanize(one.strategy),
    wide: true,
  },
  agoColumn("Started", (one) => one.started_at),
];

/** Champion against challenger, newest first. */
export function RolloutsPage() {
  return (
    <Page
      title="Rollouts"
      lead="A challenger earns traffic on evidence that may be looked at any time."
    >
      <Loaded query={useQuery(rolloutsQuery)}>
        {(rollouts) => (
          <Panel flush>
            {rollouts.length === 0 ? (
              <Empty title="No challenger yet">
                When a newer model passes its gates, it is tried beside the champion.
              </Empty>
            ) : (
              <Table rows={rollouts} columns={COLUMNS} to={(one) => `/rollouts/${one.name}`} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
