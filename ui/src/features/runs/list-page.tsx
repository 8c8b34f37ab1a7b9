import { SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Empty } from "@/design/empty";
import { Loaded } from "@/design/loaded";
import { Older } from "@/design/older";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { RUN_COLUMNS } from "./columns";
import { runsQuery } from "./queries";

const KINDS = [
  { value: "pipeline", label: "Pipelines" },
  { value: "step", label: "Steps" },
  { value: "monitor", label: "Monitors" },
  { value: "", label: "All" },
];

/** Executions, newest first. */
export function RunsPage() {
  const [kind, setKind] = useState("pipeline");
  const query = useInfiniteQuery(runsQuery(kind ? { kind } : {}));
  return (
    <Page
      title="Runs"
      lead="What was executed, from what, and how it ended."
      aside={<SegmentedControl size="sm" data={KINDS} value={kind} onChange={setKind} />}
    >
      <Loaded query={query}>
        {({ pages }) => (
          <Panel flush>
            {pages.flat().length === 0 ? (
              <Empty title="Nothing has run yet" command="towpath run train" />
            ) : (
              <Table rows={pages.flat()} columns={RUN_COLUMNS} to={(run) => `/runs/${run.id}`} />
            )}
            <Older query={query}>Older runs</Older>
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
