import { lazy, Suspense, useMemo } from "react";
import type { Schemas } from "@/api/client";
import { formatCount, formatMinute, formatNumber, humanize } from "@/design/format";
import { axisOf, looksOf } from "./looks";
import { type Palette, usePalette } from "./palette";

const EChart = lazy(() => import("./echart"));

type Look = Schemas["RolloutLook"];

interface ConfidenceProps {
  looks: Look[];
  metric: string;
  height?: number;
}

/** A confidence sequence that narrows look by look, against zero and the margin it must clear. */
export function Confidence({ looks, metric, height = 320 }: ConfidenceProps) {
  const palette = usePalette();
  const option = useMemo(() => optionOf(looks, metric, palette), [looks, metric, palette]);
  return (
    <div style={{ height }}>
      <Suspense fallback={null}>
        <EChart option={option} height={height} label={`Harm in ${metric}, with its bounds`} />
      </Suspense>
    </div>
  );
}

function optionOf(looks: Look[], metric: string, palette: Palette) {
  const axis = axisOf(palette);
  const known = looks.filter((look) => look.lower !== null && look.upper !== null);
  const window = reach(known);
  const clip = (value: number | null) =>
    value === null ? null : Math.max(window.min, Math.min(window.max, value));
  const line = { type: "line", symbol: "none", silent: true };
  return {
    ...looksOf(palette),
    tooltip: {
      ...looksOf(palette).tooltip,
      formatter: (parts: { dataIndex: number }[]) => describe(known[parts[0]?.dataIndex ?? 0]),
    },
    grid: { left: 4, right: 70, top: 18, bottom: 2, containLabel: true },
    xAxis: {
      ...axis,
      type: "category",
      boundaryGap: false,
      data: known.map((look) => formatMinute(look.at).replace(/ \d{4},/, ",")),
      splitLine: { show: false },
    },
    yAxis: {
      ...axis,
      type: "value",
      min: window.min,
      max: window.max,
      axisLine: { show: false },
      axisLabel: {
        ...axis.axisLabel,
        formatter: formatNumber,
        showMinLabel: false,
        showMaxLabel: false,
      },
      splitLine: { show: false },
    },
    series: [
      {
        ...line,
        name: "lower",
        stack: "band",
        lineStyle: { opacity: 0 },
        data: known.map((look) => clip(look.lower)),
        stackStrategy: "all",
      },
      {
        ...line,
        name: "width",
        stack: "band",
        lineStyle: { opacity: 0 },
        areaStyle: { color: palette.forward, opacity: 0.16 },
        data: known.map((look) => (clip(look.upper) ?? 0) - (clip(look.lower) ?? 0)),
        stackStrategy: "all",
      },
      ...(["lower", "upper"] as const).map((side) => ({
        ...line,
        name: `${side} bound`,
        lineStyle: { color: palette.forward, width: 1.25, opacity: 0.7 },
        data: known.map((look) => clip(look[side])),
      })),
      {
        ...line,
        name: metric,
        lineStyle: { color: palette.forward, width: 2.25 },
        data: known.map((look) => look.harm),
        markLine: zeroLine(palette),
      },
      {
        ...line,
        name: "margin",
        step: "end",
        lineStyle: { color: palette.back, width: 1.5, type: [5, 5] },
        endLabel: { show: true, formatter: "margin", color: palette.back, fontSize: 12 },
        data: known.map((look) => clip(look.margin)),
      },
    ],
  };
}

function zeroLine(palette: Palette) {
  return {
    symbol: "none",
    silent: true,
    lineStyle: { color: palette.muted, width: 1, type: "solid" },
    label: { formatter: "no harm", color: palette.muted, fontSize: 12, position: "end" },
    data: [{ yAxis: 0 }],
  };
}

/** The part worth seeing: early bounds are so wide that they would flatten the rest. */
function reach(looks: Look[]): { min: number; max: number } {
  const settled = looks.slice(Math.floor(looks.length / 5));
  const values = settled.flatMap((look) => [look.lower ?? 0, look.upper ?? 0, look.margin ?? 0, 0]);
  const [min, max] = [Math.min(...values, 0), Math.max(...values, 0)];
  const air = (max - min || 1) * 0.08;
  return { min: min - air, max: max + air };
}

function describe(look: Look | undefined): string {
  if (!look) return "";
  return [
    `<b>${formatMinute(look.at)}</b>`,
    `harm ${formatNumber(look.harm)} [${formatNumber(look.lower)}, ${formatNumber(look.upper)}]`,
    `${formatCount(look.n_champion)} champion, ${formatCount(look.n_challenger)} challenger rows`,
    `stage ${look.stage + 1}: ${humanize(look.decision)}`,
  ].join("<br>");
}
