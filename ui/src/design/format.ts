/** How numbers, sizes and times are written, everywhere the same. */

const count = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const minute = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

const FAR_S = 30 * 86_400;
const SPANS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

export const formatCount = (value: number): string => count.format(value);

export const formatCompact = (value: number): string =>
  Math.abs(value) < 10_000 ? count.format(value) : compact.format(value);

/** A measurement with four significant digits; none where there is no number. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6)) {
    return value.toExponential(2);
  }
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

export const formatShare = (value: number): string =>
  `${Number((value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0))}%`;

export function formatBytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const step = value > 0 ? Math.min(Math.floor(Math.log10(value) / 3), units.length - 1) : 0;
  return `${formatNumber(value / 1000 ** step)} ${units[step]}`;
}

/** Memory, which people ask for by powers of two; files are measured by powers of ten. */
export function formatMemory(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = value > 0 ? Math.min(Math.floor(Math.log2(value) / 10), units.length - 1) : 0;
  return `${formatNumber(value / 1024 ** step)} ${units[step]}`;
}

export function formatSeconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const seconds = Math.round(value);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(value / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const formatDay = (at: string | number): string => day.format(new Date(at));

export const formatMinute = (at: string | number): string => minute.format(new Date(at));

export function formatAgo(at: string, now: number = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  if (Math.abs(seconds) > FAR_S) return formatDay(at);
  const [unit, size] = SPANS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

/** The beginning of a digest or id, long enough to tell it from its neighbours. */
export const shorten = (text: string, length = 10): string =>
  text.length > length + 2 ? `${text.slice(0, length)}…` : text;

/** The end of an id that begins with the time: what tells it from those made in the same minute. */
export const tailOf = (id: string): string => `…${id.slice(-8)}`;

/** A sentence's beginning. */
export const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A machine's word as people write it: `rolling_out` becomes `rolling out`. */
export const humanize = (word: string): string => word.replaceAll("_", " ");

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${formatCount(value)} ${value === 1 ? one : many}`;
