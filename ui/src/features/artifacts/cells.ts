import { formatNumber } from "@/design/format";

const LONG = 60;

/** A cell of a preview as text: short, and never anything but text. */
export function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") {
    return Number.isInteger(value) ? String(value) : formatNumber(value);
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const day = /^(\d{4}-\d\d-\d\d)T00:00:00(?:\.0+)?(?:Z|\+00:00)?$/.exec(text);
  if (day?.[1]) return day[1];
  return text.length > LONG ? `${text.slice(0, LONG)}…` : text;
}

/** Whether a column's cells belong to the right: those of numbers. */
export const isNumeric = (type: string): boolean => /^(u?int\d|float\d|decimal)/i.test(type);

/** Why a column shows no value. */
export const hiddenBecause = (hidden: string): string =>
  hidden === "declared" ? "declared personal" : `looks like: ${hidden}`;
