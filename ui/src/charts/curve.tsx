import "uplot/dist/uPlot.min.css";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import { formatDay, formatMinute, formatNumber } from "@/design/format";
import styles from "./curve.module.css";
import { type Palette, usePalette } from "./palette";

export interface Line {
  label: string;
  /** Pairs of x and y; x in seconds since 1970 where `time` is set. */
  points: [number, number | null][];
  dashed?: boolean;
  tone?: "bad" | "muted";
  /** Not drawn until somebody asks for it in the legend. */
  hidden?: boolean;
}

interface CurveProps {
  lines: Line[];
  /** Whether x is time rather than a step. */
  time?: boolean;
  /** Moments to mark with an upright line: alarms. */
  marks?: number[];
  height?: number;
  /** The axis reaches at least down to here. */
  floor?: number;
  /** Whether the lines are named below; without, there may be many. */
  legend?: boolean;
}

/** Lines over steps or time, drawn by uPlot, with a legend that follows the pointer. */
export function Curve({
  lines,
  time = false,
  marks,
  height = 240,
  floor,
  legend = true,
}: CurveProps) {
  const place = useRef<HTMLDivElement>(null);
  const palette = usePalette();
  const data = useMemo(() => joined(lines), [lines]);
  const shape = JSON.stringify([
    lines.map(({ label, dashed, tone, hidden }) => [label, dashed, tone, hidden]),
    time,
  ]);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef({ lines, data, marks });
  latest.current = { lines, data, marks };

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the lines' looks
  useEffect(() => {
    const host = place.current;
    if (!host) return;
    const options = optionsOf(latest.current.lines, palette, time, height, host.clientWidth, floor);
    options.legend = { show: legend };
    options.hooks = { draw: [(plot) => drawMarks(plot, latest.current.marks ?? [], palette)] };
    const plot = new uPlot(options, latest.current.data, host);
    chart.current = plot;
    const observer = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height }));
    observer.observe(host);
    return () => {
      observer.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [shape, palette, height]);

  useEffect(() => chart.current?.setData(data), [data]);

  return <div ref={place} className={styles.curve} />;
}

/** Put lines with their own x values on one shared axis. */
export function joined(lines: Line[]): uPlot.AlignedData {
  const xs = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))];
  xs.sort((a, b) => a - b);
  const columns = lines.map((line) => {
    const values = new Map(line.points);
    return xs.map((x) => values.get(x) ?? null);
  });
  return [xs, ...columns] as uPlot.AlignedData;
}

function optionsOf(
  lines: Line[],
  palette: Palette,
  time: boolean,
  height: number,
  width: number,
  floor: number | undefined,
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: palette.muted,
    grid: { stroke: palette.line, width: 1 },
    ticks: { show: false },
    font: "12px 'Instrument Sans Variable'",
  };
  return {
    width,
    height,
    padding: [8, 10, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { x: { time }, y: { range: (_, low, high) => rangeOf(low, high, floor) } },
    cursor: { points: { size: 7 }, y: false },
    axes: [
      {
        ...axis,
        size: 32,
        ...(time ? { values: (_, ticks) => ticks.map((at) => dayOf(at)) } : {}),
      },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((value) => formatNumber(value)) },
    ],
    series: [
      {
        label: time ? "at" : "step",
        value: (_, x) => (x === null ? "–" : time ? formatMinute(x * 1000) : formatNumber(x)),
      },
      ...lines.map((line, place) => ({
        label: line.label,
        show: !line.hidden,
        stroke: strokeOf(line, place, palette),
        alpha: line.tone === "muted" ? 0.35 : 1,
        width: line.dashed ? 1.25 : 1.75,
        dash: line.dashed ? [5, 5] : undefined,
        points: { show: false },
        spanGaps: true,
        value: (_: uPlot, value: number | null) => formatNumber(value),
      })),
    ],
  };
}

function strokeOf(line: Line, place: number, palette: Palette): string {
  if (line.tone === "bad") return palette.bad;
  if (line.tone === "muted") return palette.muted;
  return palette.series[place % palette.series.length] ?? palette.forward;
}

function rangeOf(low: number, high: number, floor?: number): uPlot.Range.MinMax {
  const bottom = Math.min(low, floor ?? low);
  const air = (high - bottom || Math.abs(high) || 1) * 0.06;
  return [bottom === floor ? bottom : bottom - air, high + air];
}

function dayOf(seconds: number): string {
  return formatDay(seconds * 1000).replace(/ \d{4}$/, "");
}

function drawMarks(plot: uPlot, marks: number[], palette: Palette): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = palette.bad;
  ctx.fillStyle = palette.bad;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.globalAlpha = 0.5;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.arc(x, bbox.top, 4 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}
