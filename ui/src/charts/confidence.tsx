import { lazy, Suspense, useMemo } from "react";
import { formatMinute, formatNumber } from "@/design/format";
import { axisOf, looksOf } from "./looks";
import { type Palette, usePalette } from "./palette";

const EChart = lazy(() => import("./echart"));

/** One look at one harm. */
export interface Bounds {
  at: string;
  stage: number;
  harm: number | null;
  lower: number | null;
  upper: number | null;
  /** What the upper end must fall below here, or, of a guard rail, the lower end must not pass. */
  margin: number;
  paused: boolean;
  /** What was seen and decided, a line each. */
  words: string[];
}

interface ConfidenceProps {
  looks: Bounds[];
  name: string;
  unit?: string;
  height?: number;
}

/** A confidence sequence that narrows look by look, against zero and the margin it must clear. */
export function Confidence({ looks, name, unit = "", height = 320 }: ConfidenceProps) {
  const palette = usePalette();
  const option = useMemo(() => optionOf(looks, name, unit, palette), [looks, name, unit, palette]);
  return (
    <div style={{ height }}>
      <Suspense fallback={null}>
        <EChart option={option} height={height} label={`Harm in ${name}, with its bounds`} />
      </Suspense>
    </div>
  );
}

function optionOf(looks: Bounds[], name: string, unit: string, palette: Palette) {
  const axis = axisOf(palette);
  const known = looks.filter((look) => look.harm !== null);
  const window = reach(known);
  const clip = (value: number) => Math.max(window.min, Math.min(window.max, value));
  const low = (look: Bounds) => clip(look.lower ?? Number.NEGATIVE_INFINITY);
  const high = (look: Bounds) => clip(look.upper ?? Number.POSITIVE_INFINITY);
  const line = { type: "line", symbol: "none", silent: true };
  return {
    ...looksOf(palette),
    tooltip: {
      ...looksOf(palette).tooltip,
      formatter: (parts: { dataIndex: number }[]) =>
        describe(known[parts[0]?.dataIndex ?? 0], unit),
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
        data: known.map(low),
        stackStrategy: "all",
      },
      {
        ...line,
        name: "width",
        stack: "band",
        lineStyle: { opacity: 0 },
        areaStyle: { color: palette.forward, opacity: 0.16 },
        data: known.map((look) => high(look) - low(look)),
        markArea: pauses(known, palette),
        stackStrategy: "all",
      },
      ...([low, high] as const).map((side, place) => ({
        ...line,
        name: place === 0 ? "lower bound" : "upper bound",
        lineStyle: { color: palette.forward, width: 1.25, opacity: 0.7 },
        data: known.map(side),
      })),
      {
        ...line,
        name,
        lineStyle: { color: palette.forward, width: 2.25 },
        data: known.map((look) => clip(look.harm ?? 0)),
        markLine: marks(known, palette),
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

/** No harm, and where a stage began. */
function marks(known: Bounds[], palette: Palette) {
  const stages = known.flatMap((look, place) => {
    const begins = place > 0 && look.stage !== known[place - 1]?.stage;
    if (!begins) return [];
    return [
      {
        xAxis: place,
        lineStyle: { color: palette.active, width: 1, type: [2, 3] },
        label: {
          formatter: `stage ${look.stage + 1}`,
          color: palette.active,
          fontSize: 12,
          position: "insideEndTop",
        },
      },
    ];
  });
  return {
    symbol: "none",
    silent: true,
    lineStyle: { color: palette.muted, width: 1, type: "solid" },
    label: { formatter: "no harm", color: palette.muted, fontSize: 12, position: "end" },
    data: [{ yAxis: 0 }, ...stages],
  };
}

/** Where a pause was under way. */
function pauses(known: Bounds[], palette: Palette) {
  const spans: [object, object][] = [];
  let from: number | undefined;
  known.forEach((look, place) => {
    if (look.paused) from ??= place;
    const ends = !look.paused || place === known.length - 1;
    if (from === undefined || !ends) return;
    spans.push([{ xAxis: from }, { xAxis: place }]);
    from = undefined;
  });
  return {
    silent: true,
    itemStyle: { color: palette.warn, opacity: 0.14 },
    label: { show: true, formatter: "paused", color: palette.warn, fontSize: 12 },
    data: spans,
  };
}

/** The part worth seeing: early bounds are so wide that they would flatten the rest. */
function reach(looks: Bounds[]): { min: number; max: number } {
  const settled = looks.slice(Math.floor(looks.length / 5));
  const values = settled
    .flatMap((look) => [look.lower, look.upper, look.margin, look.harm])
    .filter((value) => value !== null);
  const [min, max] = [Math.min(...values, 0), Math.max(...values, 0)];
  const air = (max - min || 1) * 0.08;
  return { min: min - air, max: max + air };
}

function describe(look: Bounds | undefined, unit: string): string {
  if (!look) return "";
  return [
    `<b>${formatMinute(look.at)}</b>`,
    `harm ${formatNumber(look.harm)} [${formatNumber(look.lower)}, ${formatNumber(look.upper)}] ${unit}`,
    ...look.words,
  ].join("<br>");
}
