import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { depthOf, extentOf, placesOf, warningOf } from "./bar";

const budget = (more: Partial<Schemas["BudgetView"]>): Schemas["BudgetView"] => ({
  name: "project/flights",
  title: "project 'flights'",
  currency: "USD",
  project: "flights",
  queue: "",
  period: "month",
  since: "2013-03-01T00:00:00Z",
  until: "2013-04-01T00:00:00Z",
  cap_micros: 100,
  spent_micros: 40,
  reserved_micros: 10,
  forecast_micros: 80,
  warn: [0.8],
  crossed: [],
  cpus: null,
  gpus: null,
  steps: null,
  cpus_used: 0,
  gpus_used: 0,
  steps_used: 0,
  priority: 0,
  preemptible: true,
  share: 1,
  ...more,
});

test("a bar ends at the cap and shows what is spent, reserved and still to come", () => {
  expect(extentOf(budget({}))).toEqual({ spent: 0.4, reserved: 0.1, forecast: 0.3, cap: 1 });
});

test("a forecast beyond the cap makes the bar longer, and says so", () => {
  const over = budget({ forecast_micros: 200 });
  expect(extentOf(over)).toEqual({ spent: 0.2, reserved: 0.05, forecast: 0.75, cap: 0.5 });
  expect(warningOf(over)?.text).toBe("runs out before the month does");
});

test("what is reserved counts, even where the forecast knows nothing of it yet", () => {
  const extent = extentOf(budget({ forecast_micros: null, reserved_micros: 60 }));
  expect(extent?.forecast).toBe(0);
  expect(warningOf(budget({ reserved_micros: 60 }))?.tone).toBe("bad");
});

test("a limit that was crossed is told, and nothing else while all is well", () => {
  expect(warningOf(budget({ crossed: [0.5, 0.8] }))?.text).toBe("past 80%");
  expect(warningOf(budget({}))).toBeNull();
});

test("without a cap there is no bar and nothing to warn of", () => {
  expect(extentOf(budget({ cap_micros: null }))).toBeNull();
  expect(warningOf(budget({ cap_micros: null }))).toBeNull();
});

test("a cap of nothing is a full bar, not a division by zero", () => {
  expect(
    extentOf(budget({ cap_micros: 0, spent_micros: 0, reserved_micros: 0, forecast_micros: 0 })),
  ).toEqual({ spent: 0, reserved: 0, forecast: 0, cap: 0 });
});

test("places are told where they are limited, and depth by what a budget is of", () => {
  expect(placesOf(budget({ cpus: 6, cpus_used: 4.5, steps: 2 }))).toBe(
    "4.5 of 6 cpus, 0 of 2 steps",
  );
  expect(depthOf(budget({ project: "" }))).toBe(0);
  expect(depthOf(budget({ queue: "searches" }))).toBe(2);
});
