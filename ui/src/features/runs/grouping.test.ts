import { expect, test } from "vitest";
import { groupedByWhy } from "./grouping";

const because = (why: string, ...steps: string[]) =>
  steps.map((step) => ({ run: `run of ${step}`, step, why }));

test("steps that ran for the same reason are told together", () => {
  const reasons = [
    ...because("changed: input rows", "clean", "fit"),
    ...because("attempt 2", "plot"),
  ];
  expect(
    groupedByWhy(reasons).map(({ why, steps }) => [why, steps.map(({ name }) => name)]),
  ).toEqual([
    ["changed: input rows", ["clean", "fit"]],
    ["attempt 2", ["plot"]],
  ]);
});

test("calls of a fan-out or a search are told under their node, and counted", () => {
  const reasons = because(
    "it has never run",
    "search-fit/trial-0",
    "search-fit/trial-11",
    "map/0",
    "map/1",
  );
  expect(groupedByWhy(reasons)[0]?.steps).toEqual([
    { name: "search-fit", run: "run of search-fit/trial-0", calls: 2 },
    { name: "map", run: "run of map/0", calls: 2 },
  ]);
});

test("a step of an inner pipeline, and a single call, keep their own names", () => {
  const names = groupedByWhy(because("it has never run", "prepare/clean", "fan/7"))[0]?.steps;
  expect(names?.map(({ name }) => name)).toEqual(["prepare/clean", "fan/7"]);
});
