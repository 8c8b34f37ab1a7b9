import type { Schemas } from "@/api/client";
import { formatSeconds } from "@/design/format";
import { State } from "@/design/state";
import type { Tone } from "@/design/tone";

type View = Schemas["FeatureViewSummary"];

const TONES: Record<string, Tone> = {
  current: "good",
  behind: "warn",
  outdated: "bad",
  absent: "bad",
};
const SOON_S = 60;

/** How a view stands online: what serving answers with. */
export function Online({ view }: { view: View }) {
  const { online } = view;
  if (!online) return <State state="offline only" tone="idle" />;
  const late = online.lag_s != null && online.lag_s >= SOON_S && online.freshness === "current";
  const label = late ? `current, ${formatSpan(online.lag_s ?? 0)} ago` : online.freshness;
  return <State state={online.freshness} tone={TONES[online.freshness] ?? "idle"} label={label} />;
}

/** Whether training would find the newest source version laid out. */
export function Offline({ view }: { view: View }) {
  if (view.fresh == null) return <State state="not laid out" tone="idle" />;
  return view.fresh ? <State state="fresh" tone="good" /> : <State state="behind" tone="warn" />;
}

/** A span in its largest unit that fits, as people say it. */
export function formatSpan(seconds: number): string {
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
  ];
  const unit = units.find(([, size]) => seconds >= size);
  if (!unit) return formatSeconds(seconds);
  return `${Number((seconds / unit[1]).toFixed(1))} ${unit[0]}`;
}
