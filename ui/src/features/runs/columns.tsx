import type { Schemas } from "@/api/client";
import { agoColumn, tookColumn } from "@/design/columns";
import { humanize } from "@/design/format";
import { Reason } from "@/design/reason";
import { State } from "@/design/state";
import type { Column } from "@/design/table";

type Run = Schemas["RunSummary"];

export const RUN_COLUMNS: Column<Run>[] = [
  { id: "name", header: "Run", value: (run) => run.name, show: (run) => <b>{run.name}</b> },
  {
    id: "kind",
    header: "Kind",
    value: (run) => run.kind,
    show: (run) => humanize(run.kind),
    wide: true,
  },
  { id: "project", header: "Project", value: (run) => run.project, wide: true },
  {
    id: "status",
    header: "Status",
    value: (run) => run.status,
    show: (run) =>
      run.cached ? (
        <State state="finished" tone="idle" label="from cache" />
      ) : (
        <State state={run.status} />
      ),
  },
  {
    id: "why",
    header: "Why",
    value: (run) => run.error ?? run.tags.reason ?? "",
    show: (run) => run.error ?? <Reason reason={run.tags.reason ?? ""} />,
    wide: true,
  },
  tookColumn(),
  agoColumn("Started", (run) => run.started_at),
];
