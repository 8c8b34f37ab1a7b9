import { expect, test } from "vitest";
import { stackedBy } from "./stacking";

const on = (day: string, project: string, micros: number) => ({
  day: `2013-03-${day}T00:00:00Z`,
  project,
  micros,
});

test("days without spend are there, and projects are ordered by what they spent", () => {
  const days = [on("01", "small", 1), on("01", "large", 5), on("04", "large", 7)];
  const { dates, stacks } = stackedBy(days, "2013-03-20T11:00:00Z");
  expect(dates).toHaveLength(20);
  expect(stacks.map(({ name }) => name)).toEqual(["large", "small"]);
  expect(stacks[0]?.values.slice(0, 4)).toEqual([5, 0, 0, 7]);
});

test("an axis is never shorter than two weeks, and ends today", () => {
  const { dates, stacks } = stackedBy([], "2013-03-20T23:59:59Z");
  expect(dates).toHaveLength(14);
  expect(new Date(dates.at(-1) ?? 0).toISOString()).toBe("2013-03-20T00:00:00.000Z");
  expect(stacks).toEqual([]);
});

test("what lies after today by the clock that is shown is left out", () => {
  expect(stackedBy([on("25", "late", 3)], "2013-03-20T00:00:00Z").stacks[0]?.values).toEqual(
    new Array(14).fill(0),
  );
});
