import type { Schemas } from "@/api/client";
import { agoColumn, tookColumn } from "@/design/columns";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { attemptsOf, goesOnFrom, type NumberedAttempt } from "./tries";

const COLUMNS: Column<NumberedAttempt>[] = [
  {
    id: "number",
    header: "Attempt",
    value: (one) => one.number,
    show: (one) => <b>{one.number}</b>,
  },
  {
    id: "status",
    header: "State",
    value: (one) => one.stopped || one.status,
    show: (one) => <State state={one.status} label={one.stopped || undefined} />,
  },
  { id: "error", header: "Why", value: (one) => one.error ?? "–", wide: true },
  tookColumn(),
  agoColumn("Started", (one) => one.started_at),
];

/** Every try of a step that was tried again: after a failure, or once it had made room for another. */
export function Attempts({ run }: { run: Schemas["RunDetail"] }) {
  return (
    <Panel title="Attempts" note={goesOnFrom(run)} flush>
      <Table rows={attemptsOf(run)} columns={COLUMNS} to={(one) => `/runs/${one.run}`} />
    </Panel>
  );
}
