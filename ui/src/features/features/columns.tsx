import type { Schemas } from "@/api/client";
import { type Column, Table } from "@/design/table";

type Feature = Schemas["FeatureColumn"];

const COLUMNS: Column<Feature>[] = [
  {
    id: "name",
    header: "Name",
    value: (one) => one.name,
    show: (one) => <code>{one.name}</code>,
  },
  {
    id: "type",
    header: "Type",
    value: (one) => one.type,
    show: (one) => (one.nullable ? `${one.type}, or missing` : one.type),
  },
  { id: "description", header: "Means", value: (one) => one.description, wide: true },
];

/** Columns with their types and meanings. */
export function FeatureColumns({ columns }: { columns: Feature[] }) {
  return <Table rows={columns} columns={COLUMNS} />;
}
