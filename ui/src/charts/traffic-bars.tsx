import { lazy, Suspense, useMemo } from "react";
import type { Schemas } from "@/api/client";
import { formatCount, formatDay } from "@/design/format";
import { labelOf } from "@/design/ref-link";
import { axisOf, looksOf } from "./looks";
import { colorOfModel, type Palette, usePalette } from "./palette";

const EChart = lazy(() => import("./echart"));

interface TrafficBarsProps {
  series: Schemas["TrafficSeries"];
  height?: number;
}

/** Decisions per bin of event time, stacked by the model version that answered. */
export function TrafficBars({ series, height = 220 }: TrafficBarsProps) {
  const palette = usePalette();
  const option = useMemo(() => optionOf(series, palette), [series, palette]);
  return (
    <div style={{ height }}>
      <Suspense fallback={null}>
        <EChart option={option} height={height} label={`Decisions of ${series.service} by model`} />
      </Suspense>
    </div>
  );
}

function optionOf(series: Schemas["TrafficSeries"], palette: Palette) {
  const axis = axisOf(palette);
  return {
    ...looksOf(palette),
    legend: {
      top: 0,
      left: 0,
      itemWidth: 10,
      itemHeight: 10,
      textStyle: { color: palette.muted, fontSize: 12.5 },
    },
    grid: { left: 4, right: 8, top: 34, bottom: 2, containLabel: true },
    xAxis: {
      ...axis,
      type: "category",
      data: series.bins.map((bin) => formatDay(bin.at).replace(/ \d{4}$/, "")),
      splitLine: { show: false },
    },
    yAxis: {
      ...axis,
      type: "value",
      axisLine: { show: false },
      axisLabel: { ...axis.axisLabel, formatter: formatCount },
    },
    series: series.models.map((model) => ({
      name: labelOf(model),
      type: "bar",
      stack: "decisions",
      barCategoryGap: "22%",
      itemStyle: { color: colorOfModel(palette, model) },
      emphasis: { focus: "series" },
      data: series.bins.map((bin) => bin.counts[model] ?? 0),
    })),
  };
}
