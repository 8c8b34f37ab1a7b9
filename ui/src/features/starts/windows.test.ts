import { expect, test } from "vitest";
import { formatEvery, overOf, partsOf } from "./windows";

test("windows are shown in the order of their lives, and what is new goes last", () => {
  const counts = { pending: 10, done: 3, failed: 1, levitating: 2 };
  expect(partsOf(counts).map(({ phase, count, tone }) => [phase, count, tone])).toEqual([
    ["done", 3, "good"],
    ["failed", 1, "bad"],
    ["pending", 10, "idle"],
    ["levitating", 2, "idle"],
  ]);
});

test("a window is over once it had its run, not when it was taken back", () => {
  expect(overOf({ done: 3, refused: 1, failed: 1, cancelled: 4, running: 2 })).toBe(5);
});

test("a window's length is told in the unit that divides it", () => {
  expect(formatEvery(604_800)).toBe("week");
  expect(formatEvery(3 * 86_400)).toBe("3 days");
  expect(formatEvery(5400)).toBe("90 minutes");
  expect(formatEvery(1)).toBe("second");
});
