import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { boundOf, goodness, pointOf, stairOf, ticksOf, within, wordsOf } from "./reading";

type Trial = Schemas["TrialView"];

const trial = (number: number, values: number[], more: Partial<Trial> = {}): Trial => ({
  number,
  state: "done",
  point: {},
  places: {},
  values,
  metrics: {},
  curve: [],
  run_id: `r${number}`,
  seconds: 1,
  why: "",
  allowed: true,
  rank: null,
  on_front: false,
  ...more,
});

const search = (trials: Trial[], direction = "maximize") =>
  ({
    trials,
    summary: { objectives: [{ metric: "auc", direction }] },
    best_so_far: [
      [1, 0.6],
      [4, 0.7],
    ],
  }) as unknown as Schemas["SearchView"];

test("the best so far is a stair that reaches the newest trial", () => {
  expect(stairOf(search([trial(0, []), trial(9, [0.5])]))).toEqual([
    [1, 0.6],
    [4, 0.6],
    [4, 0.7],
    [9, 0.7],
  ]);
});

test("a search with nothing done has no stair", () => {
  expect(stairOf({ ...search([]), best_so_far: [] })).toEqual([]);
});

test("goodness follows the direction, and only what is done has any", () => {
  const trials = [trial(0, [0.5]), trial(1, [0.9]), trial(2, [0.7], { state: "pruned" })];
  expect([...goodness(search(trials))]).toEqual([
    [0, 0],
    [1, 1],
  ]);
  expect(goodness(search(trials, "minimize")).get(0)).toBe(1);
});

test("trials that are all alike are all good", () => {
  expect([...goodness(search([trial(0, [0.5]), trial(1, [0.5])])).values()]).toEqual([1, 1]);
});

test("an axis of numbers shows its ends, one of choices every choice", () => {
  const axis = { name: "x", kind: "float", low: 0.01, high: 0.3, log: true, choices: [] };
  expect(ticksOf(axis).map(({ text }) => text)).toEqual(["0.01", "0.3"]);
  const choices = { ...axis, kind: "choice", low: null, high: null, choices: ["a", "b", "c"] };
  expect(ticksOf(choices).map(({ place }) => place)).toEqual([0, 0.5, 1]);
  expect(ticksOf({ ...choices, choices: ["only"] })[0]?.place).toBe(0.5);
});

test("what is marked keeps the trials that cross every mark", () => {
  const one = { places: { rate: 0.2, leaves: 0.9 } };
  expect(within(one, {})).toBe(true);
  expect(within(one, { rate: [0, 0.5] })).toBe(true);
  expect(within(one, { rate: [0, 0.5], leaves: [0, 0.5] })).toBe(false);
  expect(within(one, { absent: [0, 1] })).toBe(false);
});

test("objectives and points are told in words", () => {
  expect(wordsOf({ metric: "log_loss", direction: "minimize" })).toBe("lowest log_loss");
  expect(pointOf({ point: { rate: 0.123456, kind: "dart" } })).toBe("rate 0.1235, kind dart");
});

test("a bound names the ends that it has", () => {
  expect(boundOf("auc", [0.7, null])).toBe("auc at least 0.7");
  expect(boundOf("latency_ms", [null, 5])).toBe("latency_ms at most 5");
  expect(boundOf("auc", [0.7, 0.9])).toBe("auc between 0.7 and 0.9");
});
