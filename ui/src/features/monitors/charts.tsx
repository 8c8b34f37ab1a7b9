import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Curve, type Line } from "@/charts/curve";
import { capitalize, humanize } from "@/design/format";
import { Panel } from "@/design/panel";

type Monitor = Schemas["MonitorDetail"];

interface Chart {
  title: string;
  note: string;
  lines: Line[];
  floor?: number;
}

const BAR = 1;
const DRAWN = 5;
const RECENT = 7;

/** Measurements of many columns or groups, by how their keys begin. */
const SHARES: [string, string, string][] = [
  ["missing.", "Missing values", "Share of rows per input and window."],
  ["unseen.", "Levels that training hardly had", "Share of rows per input and window."],
  ["out_of_range.", "Values out of range", "Share of rows per input and window."],
  ["skew.", "Served otherwise than in training", "Share of the sampled decisions."],
  ["latency_ms.", "Latency", "Milliseconds, per window."],
  ["selection_rate.", "Selected, by group", "Share of the group's decisions."],
  ["true_positive_rate.", "Found, by group", "Share of the group's positive rows."],
  ["false_positive_rate.", "False alarms, by group", "Share of the group's negative rows."],
];
const SINGLE: [string, string][] = [
  ["volume", "Decisions"],
  ["error_rate", "Failed answers"],
  ["per_s", "Decisions a second"],
  ["outliers", "Rows unlike any in training"],
  ["slices.worse", "Slices that got worse"],
];

/** A monitor's curves over event time, alarms marked. */
export function MonitorCharts({ monitor }: { monitor: Monitor }) {
  const charts = useMemo(() => chartsOf(monitor), [monitor]);
  const marks = useMemo(
    () => monitor.alarms.map((alarm) => Date.parse(alarm.until ?? alarm.at) / 1000),
    [monitor.alarms],
  );
  return charts.map((chart) => (
    <Panel key={chart.title} title={chart.title} note={chart.note}>
      <Curve lines={chart.lines} time marks={marks} height={230} floor={chart.floor} />
    </Panel>
  ));
}

function chartsOf(monitor: Monitor): Chart[] {
  const lines = new Map(monitor.series.map((one) => [one.key, lineOf(one)]));
  const starting = (start: string) =>
    [...lines]
      .filter(([key]) => key.startsWith(start))
      .map(([key, line]) => ({ ...line, label: key.slice(start.length) }));
  const score = lines.get("score");
  const charts: Chart[] = [];
  if (score) {
    charts.push({
      title: "Evidence of a change",
      note: "Gathers over windows; at the dashed bar it raises an alarm and begins again.",
      lines: [score, barOf(score)],
      floor: 0,
    });
  }
  for (const [key, promised] of lines) {
    const measured = lines.get(key.replace(/\.promised$/, ""));
    if (!key.endsWith(".promised") || !measured) continue;
    charts.push({
      title: `${measured.label} of what was answered`,
      note: "Per window, on the labels that had arrived, beside what the test rows promised.",
      lines: [measured, { ...promised, label: "promised", dashed: true, tone: "muted" }],
    });
  }
  for (const [key, estimated] of lines) {
    if (!key.endsWith(".estimated")) continue;
    const metric = key.slice(0, -".estimated".length);
    const parts: [string, Partial<Line>][] = [
      [`${key}.low`, { label: "95 % from", tone: "muted" }],
      [`${key}.high`, { label: "95 % to", tone: "muted" }],
      [`${metric}.promised`, { label: "promised", dashed: true, tone: "muted" }],
      [`${metric}.realised`, { label: "came true", tone: "bad" }],
    ];
    charts.push({
      title: `${metric === "roc_auc" ? "ROC AUC" : capitalize(humanize(metric))} before labels arrive`,
      note: "Estimated, valid under covariate shift only, beside what came true once labels had matured.",
      lines: [
        { ...estimated, label: "estimated" },
        ...parts.flatMap(([name, look]) => {
          const line = lines.get(name);
          return line ? [{ ...line, ...look }] : [];
        }),
      ],
    });
  }
  for (const [start, title, note] of SHARES) {
    const found = starting(start);
    if (found.length > 0) charts.push({ title, note, lines: mostMoved(found), floor: 0 });
  }
  const drawn = new Set(charts.flatMap((chart) => chart.lines.map((line) => line.label)));
  for (const [key, title] of SINGLE) {
    const line = lines.get(key);
    if (line && !drawn.has(key))
      charts.push({ title, note: "Per window.", lines: [line], floor: 0 });
  }
  const distances = starting("distance.");
  if (distances.length > 0) {
    charts.push({
      title: "Distance from the training data",
      note: "Per column and window: Kolmogorov–Smirnov for numbers, total variation for words. The farthest are drawn; the legend shows more.",
      lines: mostMoved(distances),
      floor: 0,
    });
  }
  return charts;
}

/** The lines that ended farthest away first, and only some of them drawn. */
function mostMoved(lines: Line[]): Line[] {
  const recent = (line: Line) => {
    const values = line.points.slice(-RECENT).map(([, value]) => value ?? 0);
    return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
  };
  return [...lines]
    .sort((a, b) => recent(b) - recent(a))
    .map((line, place) => ({ ...line, hidden: place >= DRAWN }));
}

function lineOf(series: Schemas["Series"]): Line {
  return {
    label: series.key,
    points: series.points.map((point) => [Date.parse(point.at) / 1000, point.value ?? null]),
  };
}

/** The level at which the score raises an alarm. */
function barOf(score: Line): Line {
  const ends = [score.points[0], score.points.at(-1)].flatMap((point) => (point ? [point[0]] : []));
  return { label: "bar", points: ends.map((at) => [at, BAR]), dashed: true, tone: "bad" };
}
