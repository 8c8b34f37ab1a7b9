import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { lanesOf } from "./lanes";

type Step = Schemas["RunSummary"];

const at = (seconds: number): string => new Date(seconds * 1000).toISOString();

function step(name: string, from: number, seconds: number, more: Partial<Step> = {}): Step {
  return {
    id: `id-${name}-${from}`,
    kind: "step",
    name,
    project: "flights",
    status: "finished",
    parent: "p",
    started_at: at(from),
    ended_at: at(from + seconds),
    seconds,
    cached: false,
    error: null,
    metrics: {},
    tags: {},
    ...more,
  };
}

const run = (steps: Step[]) => ({ ...step("train", 0, 100, { kind: "pipeline" }), steps });

test("steps are placed by when they ran, within the run", () => {
  const [clean, fit] = lanesOf(run([step("clean", 0, 25), step("fit", 25, 75)]));
  expect(clean?.bars[0]).toMatchObject({ offset: 0, width: 0.25 });
  expect(fit?.bars[0]).toMatchObject({ offset: 0.25, width: 0.75 });
});

test("a hit at the very end can still be seen", () => {
  const [lane] = lanesOf(run([step("clean", 100, 0, { cached: true })]));
  const bar = lane?.bars[0];
  expect(bar?.width).toBeGreaterThan(0);
  expect((bar?.offset ?? 1) + (bar?.width ?? 1)).toBeLessThanOrEqual(1);
});

test("calls of a driver lie on its lane, and its name leads to it", () => {
  const driver = step("search", 0, 60, { kind: "search" });
  const trials = [0, 1, 2].map((n) => step(`search/trial-${n}`, n * 20, 20, { cached: n === 0 }));
  const lanes = lanesOf(run([driver, ...trials, step("pick", 60, 1)]));
  expect(lanes.map((lane) => [lane.name, lane.bars.length, lane.calls, lane.cached])).toEqual([
    ["search", 3, 3, 1],
    ["pick", 1, 0, 0],
  ]);
  expect(lanes[0]).toMatchObject({ run: driver.id, seconds: 60 });
});

test("attempts of one step share a lane that leads to the last one", () => {
  const [lane] = lanesOf(run([step("fit", 0, 10, { status: "failed" }), step("fit", 20, 10)]));
  expect(lane?.bars.map(({ step }) => step.status)).toEqual(["failed", "finished"]);
  expect(lane?.run).toBe("id-fit-20");
  expect(lane?.attempts).toBe(2);
});

test("a slash in a name is no driver by itself", () => {
  expect(lanesOf(run([step("prepare/clean", 0, 5)]))[0]?.name).toBe("prepare/clean");
});

test("a lane of thousands draws as many bars as can be told apart, and every failure's place", () => {
  const driver = step("fit", 0, 100, { kind: "map" });
  const calls = Array.from({ length: 3000 }, (_, n) => step(`fit/${n}`, n / 30, 0.1));
  calls[1500] = step("fit/1500", 50, 0.01, { status: "failed" });
  const [lane] = lanesOf(run([driver, ...calls]));
  expect(lane?.calls).toBe(3000);
  expect(lane?.bars.length).toBeLessThanOrEqual(320);
  expect(lane?.bars.filter(({ step }) => step.status === "failed")).toHaveLength(1);
});
