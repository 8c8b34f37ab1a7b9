import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { versionColumns } from "./columns";
import { modelQuery } from "./queries";

/** One model: all its versions. */
export function ModelPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(modelQuery(name));
  return (
    <Page title={name} within={{ to: "/models", label: "Models" }} lead={query.data?.description}>
      <Loaded query={query}>{(model) => <Versions model={model} />}</Loaded>
    </Page>
  );
}

function Versions({ model }: { model: Schemas["ModelDetail"] }) {
  const columns = useMemo(() => versionColumns(model.history), [model.history]);
  return (
    <Panel title="Versions" flush>
      <Table
        rows={model.history}
        columns={columns}
        to={(one) => `/models/${model.name}/${one.number}`}
      />
    </Panel>
  );
}
