import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { formatShare } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago } from "@/design/time";
import { modelsQuery } from "./queries";

type Model = Schemas["ModelSummary"];

const COLUMNS: Column<Model>[] = [
  {
    id: "name",
    header: "Model",
    value: (one) => one.name,
    show: (one) => (
      <>
        <b>{one.name}</b>
        <br />
        <span style={{ color: "var(--ink-3)" }}>{one.description}</span>
      </>
    ),
  },
  { id: "project", header: "Project", value: (one) => one.project, wide: true },
  { id: "versions", header: "Versions", value: (one) => one.versions, align: "right" },
  {
    id: "live",
    header: "Serves",
    value: (one) => one.live?.number ?? 0,
    show: (one) =>
      one.live ? (
        <>
          <RefLink ref_={one.live.ref} /> {formatShare(one.live.traffic)}
        </>
      ) : (
        "not deployed"
      ),
  },
  {
    id: "latest",
    header: "Newest",
    value: (one) => one.latest?.state ?? "",
    show: (one) => one.latest && <State state={one.latest.state} />,
  },
  {
    id: "at",
    header: "Made",
    value: (one) => one.latest?.created_at ?? "",
    show: (one) => <Ago at={one.latest?.created_at} />,
    align: "right",
    wide: true,
  },
];

/** Models with what serves and what is newest. */
export function ModelsPage() {
  return (
    <Page title="Models" lead="Every candidate, with the evidence that let it pass or stopped it.">
      <Loaded query={useQuery(modelsQuery)}>
        {(models) => (
          <Panel flush>
            {models.length === 0 ? (
              <Empty title="No model yet" command="towpath run train" />
            ) : (
              <Table rows={models} columns={COLUMNS} to={(one) => `/models/${one.name}`} />
            )}
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
