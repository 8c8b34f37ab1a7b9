import type { Schemas } from "@/api/client";
import { agoColumn } from "@/design/columns";
import { formatNumber, formatSeconds, humanize, plural } from "@/design/format";
import { State } from "@/design/state";
import type { Column } from "@/design/table";
import { wordsOf } from "./reading";

type Listed = Schemas["SearchSummary"];
type Search = Schemas["SearchView"];
type Trial = Schemas["TrialView"];

export const SEARCH_COLUMNS: Column<Listed>[] = [
  { id: "name", header: "Search", value: (one) => one.name, show: (one) => <b>{one.name}</b> },
  { id: "project", header: "Project", value: (one) => one.project, wide: true },
  {
    id: "objectives",
    header: "After the",
    value: (one) => one.objectives.map(wordsOf).join(", "),
  },
  {
    id: "best",
    header: "Found",
    value: (one) => one.metrics[one.objectives[0]?.metric ?? ""] ?? null,
    show: (one) =>
      one.objectives
        .filter(({ metric }) => metric in one.metrics)
        .map(({ metric }) => formatNumber(one.metrics[metric]))
        .join(", ") || "–",
    align: "right",
  },
  {
    id: "trials",
    header: "Trials",
    value: (one) => one.wanted,
    align: "right",
    wide: true,
  },
  {
    id: "status",
    header: "State",
    value: (one) => one.status,
    show: (one) => <State state={one.status} />,
  },
  agoColumn("Started", (one) => one.started_at),
];

const TRIAL_TONES = { done: "good", pruned: "warn", failed: "bad", running: "active" } as const;

/** A trial's columns: its objectives first, then a column for each parameter. */
export function trialColumns(search: Search): Column<Trial>[] {
  return [
    {
      id: "number",
      header: "Trial",
      value: (one) => one.number,
      show: (one) => <b>{one.number}</b>,
    },
    {
      id: "state",
      header: "State",
      value: (one) => one.rank ?? 1000 + Number(one.state !== "done"),
      show: (one) => <TrialState trial={one} />,
    },
    ...search.summary.objectives.map(({ metric }, place) => ({
      id: `value:${metric}`,
      header: metric,
      value: (one: Trial) => one.values[place] ?? null,
      show: (one: Trial) => formatNumber(one.values[place]),
      align: "right" as const,
    })),
    ...search.axes.map(({ name }) => ({
      id: `point:${name}`,
      header: name,
      value: (one: Trial) => plain(one.point[name]),
      show: (one: Trial) => written(one.point[name]),
      align: "right" as const,
      wide: true,
    })),
    {
      id: "seconds",
      header: "Took",
      value: (one) => one.seconds,
      show: (one) => (one.seconds > 0 ? formatSeconds(one.seconds) : "from cache"),
      align: "right",
      wide: true,
    },
  ];
}

function TrialState({ trial }: { trial: Trial }) {
  if (trial.rank !== null) {
    const label = trial.rank === 0 ? "best" : `in the pool, ${ordinal(trial.rank + 1)}`;
    return <State state="done" tone="good" label={label} />;
  }
  if (trial.state === "done" && !trial.allowed) {
    return <State state="outside" tone="warn" label="outside the bounds" />;
  }
  const tone = TRIAL_TONES[trial.state as keyof typeof TRIAL_TONES] ?? "idle";
  const label = trial.state === "done" && trial.on_front ? "on the front" : undefined;
  return (
    <span title={trial.why || undefined}>
      <State state={trial.state} tone={trial.state === "done" ? "idle" : tone} label={label} />
    </span>
  );
}

const ordinal = (place: number): string =>
  `${place}${["th", "st", "nd", "rd"][place % 100 > 10 && place % 100 < 14 ? 0 : place % 10] ?? "th"}`;

const plain = (value: unknown): string | number | null =>
  typeof value === "number" || typeof value === "string"
    ? value
    : value == null
      ? null
      : `${value}`;

const written = (value: unknown): string =>
  typeof value === "number" ? formatNumber(value) : humanize(`${value ?? "–"}`);

/** How many trials are in each state, in words. */
export const countsOf = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([state, count]) => (state === "done" ? plural(count, "trial") : `${count} ${state}`))
    .join(", ");
