import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Curve, type Line } from "@/charts/curve";
import { Panel } from "@/design/panel";

type Monitor = Schemas["MonitorDetail"];
type Series = Schemas["Series"];

const LIMITS = new Set(["threshold", "limit", "upper_limit"]);

/** A monitor's curves: those of one group share a chart, limits are dashed, alarms marked. */
export function MonitorCharts({ monitor }: { monitor: Monitor }) {
  const groups = useMemo(() => grouped(monitor.series), [monitor.series]);
  const marks = useMemo(
    () => monitor.alarms.map((alarm) => Date.parse(alarm.at) / 1000),
    [monitor.alarms],
  );
  return groups.map(([title, lines]) => (
    <Panel key={title} title={title}>
      <Curve lines={lines} time marks={marks} height={260} />
    </Panel>
  ));
}

/** Keys read `group/name`; what has no group belongs to the headline chart. */
function grouped(series: Series[]): [string, Line[]][] {
  const groups = new Map<string, Line[]>();
  for (const one of series) {
    const slash = one.key.indexOf("/");
    const group = slash < 0 ? "Score" : one.key.slice(0, slash);
    const label = slash < 0 ? one.key : one.key.slice(slash + 1);
    const limit = LIMITS.has(label);
    const line: Line = {
      label,
      points: one.points.map((point) => [Date.parse(point.at) / 1000, point.value ?? null]),
      dashed: limit,
      tone: limit ? "bad" : undefined,
    };
    groups.set(group, [...(groups.get(group) ?? []), line]);
  }
  return [...groups].sort(([a], [b]) => Number(b === "Score") - Number(a === "Score"));
}
