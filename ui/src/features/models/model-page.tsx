import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { Loaded } from "@/design/loaded";
import { Older } from "@/design/older";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { versionColumns } from "./columns";
import { modelQuery, modelVersionsQuery } from "./queries";

/** One model: all its versions, a page at a time. */
export function ModelPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(modelQuery(name));
  return (
    <Page title={name} within={{ to: "/models", label: "Models" }} lead={query.data?.description}>
      <Loaded query={query}>{() => <Versions name={name} />}</Loaded>
    </Page>
  );
}

function Versions({ name }: { name: string }) {
  const query = useInfiniteQuery(modelVersionsQuery(name));
  const versions = useMemo(() => query.data?.pages.flat() ?? [], [query.data]);
  const columns = useMemo(() => versionColumns(versions), [versions]);
  return (
    <Panel title="Versions" flush>
      <Table rows={versions} columns={columns} to={(one) => `/models/${name}/${one.number}`} />
      <Older query={query}>Older versions</Older>
    </Panel>
  );
}
