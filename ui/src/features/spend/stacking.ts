import type { Schemas } from "@/api/client";

const DAY_MS = 86_400_000;
const FEWEST = 14;

export interface Stacks {
  /** Every day from the first spend on, in milliseconds since 1970, gaps included. */
  dates: number[];
  /** One row of values a project, the one that spent most first. */
  stacks: { name: string; values: number[] }[];
}

/** Put spend by day and project on one axis of days, at least two weeks long, up to today. */
export function stackedBy(days: Schemas["DailySpend"][], now: string): Stacks {
  const last = Math.floor(Date.parse(now) / DAY_MS) * DAY_MS;
  const first = Math.min(last - (FEWEST - 1) * DAY_MS, ...days.map(({ day }) => Date.parse(day)));
  const count = Math.round((last - first) / DAY_MS) + 1;
  const rows = new Map<string, number[]>();
  for (const { day, project, micros } of days) {
    const row = rows.get(project) ?? new Array<number>(count).fill(0);
    const place = Math.round((Date.parse(day) - first) / DAY_MS);
    if (place >= 0 && place < count) row[place] = (row[place] ?? 0) + micros;
    rows.set(project, row);
  }
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    dates: Array.from({ length: count }, (_, place) => first + place * DAY_MS),
    stacks: [...rows]
      .map(([name, values]) => ({ name, values }))
      .sort((a, b) => sum(b.values) - sum(a.values)),
  };
}
