import { lazy, Suspense, useMemo } from "react";
import type { Schemas } from "@/api/client";
import { axisOf, looksOf } from "@/charts/looks";
import { type Palette, usePalette } from "@/charts/palette";
import { formatNumber } from "@/design/format";
import { pointOf, stairOf } from "./reading";

const EChart = lazy(() => import("@/charts/echart"));

type Search = Schemas["SearchView"];
type Trial = Schemas["TrialView"];

interface ChartProps {
  search: Search;
  onPick: (run: string) => void;
}

const HEIGHT = 300;
const TRIALS = { name: "trial", minInterval: 1, min: 0 };

/** Each trial's value in the order of the trials, and the best there was by then. */
export const ProgressChart = (props: ChartProps) => (
  <TrialChart {...props} label="Value of each trial" optionOf={progressOf} />
);

/** Two objectives against each other: what no trial beats is joined by a line. */
export const FrontChart = (props: ChartProps) => (
  <TrialChart {...props} label="Trials by two objectives" optionOf={frontOf} />
);

interface TrialChartProps extends ChartProps {
  label: string;
  optionOf: (search: Search, palette: Palette) => Record<string, unknown>;
}

function TrialChart({ search, onPick, label, optionOf }: TrialChartProps) {
  const palette = usePalette();
  const option = useMemo(() => optionOf(search, palette), [optionOf, search, palette]);
  return (
    <Suspense fallback={<div style={{ height: HEIGHT }} />}>
      <EChart option={option} height={HEIGHT} label={label} onPick={onPick} />
    </Suspense>
  );
}

/** What both charts look like: a legend above, names of axes, and a tooltip that tells the trial. */
function frameOf(search: Search, palette: Palette, x: object, y: object) {
  return {
    ...looksOf(palette),
    grid: { left: 8, right: 16, top: 40, bottom: 24, containLabel: true },
    legend: legendOf(palette),
    tooltip: tooltipOf(search, palette),
    xAxis: { ...axisOf(palette), type: "value", nameLocation: "middle", nameGap: 26, ...x },
    yAxis: {
      ...axisOf(palette),
      type: "value",
      scale: true,
      nameTextStyle: { align: "left", color: palette.muted },
      ...y,
    },
  };
}

function progressOf(search: Search, palette: Palette) {
  const [metric] = search.summary.objectives;
  const told = (state: string) =>
    search.trials.filter((trial) => trial.state === state && trial.values.length > 0);
  return {
    ...frameOf(search, palette, TRIALS, { name: metric?.metric }),
    series: [
      {
        name: "done",
        type: "scatter",
        symbolSize: 9,
        itemStyle: { color: palette.forward, opacity: 0.85 },
        data: told("done").map((trial) => dotOf(trial, trial.number, trial.values[0])),
      },
      {
        name: "pruned",
        type: "scatter",
        symbolSize: 7,
        itemStyle: { color: "transparent", borderColor: palette.warn, borderWidth: 1.4 },
        data: told("pruned").map((trial) => dotOf(trial, trial.number, trial.values[0])),
      },
      {
        name: "best so far",
        type: "line",
        symbol: "none",
        silent: true,
        lineStyle: { color: palette.back, width: 2 },
        itemStyle: { color: palette.back },
        data: stairOf(search),
      },
    ],
  };
}

function frontOf(search: Search, palette: Palette) {
  const [first, second] = search.summary.objectives;
  const done = search.trials.filter((trial) => trial.state === "done" && trial.values.length > 1);
  const front = done
    .filter((trial) => trial.on_front)
    .sort((a, b) => (a.values[0] ?? 0) - (b.values[0] ?? 0));
  const dot = (trial: Trial) => dotOf(trial, trial.values[0], trial.values[1]);
  return {
    ...frameOf(search, palette, { name: first?.metric, scale: true }, { name: second?.metric }),
    series: [
      {
        name: "beaten by others",
        type: "scatter",
        symbolSize: 8,
        itemStyle: { color: palette.muted, opacity: 0.55 },
        data: done.filter((trial) => !trial.on_front).map(dot),
      },
      {
        name: "Pareto front",
        type: "line",
        symbol: "circle",
        symbolSize: 10,
        lineStyle: { color: palette.back, width: 1.5, type: "dashed" },
        itemStyle: { color: palette.back },
        data: front.map(dot),
      },
    ],
  };
}

const dotOf = (trial: Trial, x?: number, y?: number) => ({
  name: trial.run_id,
  value: [x, y, trial.number],
});

const legendOf = (palette: Palette) => ({
  top: 0,
  right: 0,
  icon: "roundRect",
  itemWidth: 12,
  itemHeight: 8,
  textStyle: { color: palette.muted, fontSize: 12.5 },
});

function tooltipOf(search: Search, palette: Palette) {
  const byRun = new Map(search.trials.map((trial) => [trial.run_id, trial]));
  return {
    ...looksOf(palette).tooltip,
    trigger: "item",
    formatter: ({ name }: { name: string }) => {
      const trial = byRun.get(name);
      if (!trial) return "";
      const values = search.summary.objectives.map(
        ({ metric }, place) => `${metric} ${formatNumber(trial.values[place])}`,
      );
      return escaped([`trial ${trial.number}`, ...values, pointOf(trial)]).join("<br>");
    },
  };
}

/** Names and choices come from a project's code; a tooltip takes HTML. */
const escaped = (lines: string[]): string[] =>
  lines.map((line) => line.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`));
