import { formatNumber } from "@/design/format";

const LONG = 60;

/** A cell of a preview as text: short, and never anything but text. */
export function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") {
    return Number.isInteger(value) ? String(value) : formatNumber(value);
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const time = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.0+)?(?:Z|\+00:00)?$/.exec(text);
  if (time) return time[2]?.startsWith("00:00") ? `${time[1]}` : `${time[1]} ${time[2]}`;
  return text.length > LONG ? `${text.slice(0, LONG)}…` : text;
}

/** Whether a column's cells belong to the right: those of numbers. */
export const isNumeric = (type: string): boolean => /^(u?int\d|float\d|decimal)/i.test(type);

/** A type's name without its parameters. */
export const shortType = (type: string): string => type.replace(/\(.*\)$/s, "");

/** Why a column shows no value. */
export const hiddenBecause = (hidden: string): string =>
  hidden === "declared" ? "declared personal" : `looks like: ${hidden}`;
