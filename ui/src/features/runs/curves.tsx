import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { Curve, type Line } from "@/charts/curve";
import { Panel } from "@/design/panel";
import { metricQuery } from "./queries";

interface CurvesProps {
  curves: { run: string; key: string }[];
}

const MOST = 24;

/** Metrics over steps; those that share their last word share a chart (`train/auc`, `valid/auc`). */
export function Curves({ curves }: CurvesProps) {
  const results = useQueries({
    queries: curves.slice(0, MOST).map(({ run, key }) => metricQuery(run, key)),
    combine: (all) => all.flatMap((one) => (one.data ? [one.data] : [])),
  });
  const groups = useMemo(() => {
    const found = new Map<string, Line[]>();
    for (const history of results) {
      if (new Set(history.points.map(({ step }) => step)).size < 2) continue;
      const name = history.key.slice(history.key.lastIndexOf("/") + 1);
      const points = history.points.map(({ step, value }): [number, number | null] => [
        step,
        value ?? null,
      ]);
      found.set(name, [...(found.get(name) ?? []), { label: history.key, points }]);
    }
    return [...found];
  }, [results]);
  return groups.map(([name, lines]) => (
    <Panel key={name} title={name}>
      <Curve lines={lines} />
    </Panel>
  ));
}
