import type { Schemas } from "@/api/client";
import { formatNumber, formatShare } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import type { Column } from "@/design/table";
import { Ago } from "@/design/time";

type Version = Schemas["ModelVersion"];

/** A version's columns, with one for each metric that any version has. */
export function versionColumns(versions: Version[]): Column<Version>[] {
  const metrics = [...new Set(versions.flatMap((one) => Object.keys(one.metrics)))].slice(0, 4);
  return [
    {
      id: "number",
      header: "Version",
      value: (one) => one.number,
      show: (one) => <RefLink ref_={one.ref} />,
    },
    {
      id: "state",
      header: "State",
      value: (one) => one.state,
      show: (one) => <State state={one.state} />,
    },
    {
      id: "verdict",
      header: "Gates",
      value: (one) => one.verdict,
      show: (one) => <State state={one.verdict} />,
    },
    {
      id: "traffic",
      header: "Traffic",
      value: (one) => one.traffic,
      show: (one) => (one.traffic > 0 ? <b>{formatShare(one.traffic)}</b> : "–"),
      align: "right",
    },
    ...metrics.map((name) => ({
      id: `metric:${name}`,
      header: name,
      value: (one: Version) => one.metrics[name] ?? null,
      show: (one: Version) => formatNumber(one.metrics[name]),
      align: "right" as const,
      wide: true,
    })),
    {
      id: "at",
      header: "Made",
      value: (one) => one.created_at,
      show: (one) => <Ago at={one.created_at} />,
      align: "right",
    },
  ];
}
