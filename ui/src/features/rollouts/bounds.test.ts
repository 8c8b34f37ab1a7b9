import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { boundsOf, marginAt, type Reading, standingOf } from "./bounds";

const reading = {
  name: "errors",
  role: "required",
  unit: "",
  margin: 0.01,
  harm: 0.004,
  lower: -0.01,
  upper: 0.015,
  n_champion: 900,
  n_challenger: 100,
  facts: "",
} satisfies Reading;

const rollout = {
  stages: [0.1, 0.5, 1],
  stage: 0,
  history: [
    {
      at: "2013-03-01T00:00:00Z",
      stage: 0,
      answers: 1000,
      n_champion: 0,
      n_challenger: 0,
      decision: "hold",
      paused: true,
      readings: [{ name: "errors", harm: 0.004, lower: -0.01, upper: 0.015 }],
    },
    { at: "2013-03-01T01:00:00Z", stage: 1, readings: [] },
  ],
} as unknown as Schemas["RolloutDetail"];

test("an early stage has the wider margin, a guard rail always one", () => {
  expect([0, 1].map((stage) => marginAt(rollout, reading, stage))).toEqual([0.02, 0.01]);
  expect(marginAt(rollout, { ...reading, role: "guard" }, 0)).toBe(0.01);
});

test("bounds say what is proved at the stage, in either direction, or nothing", () => {
  expect(standingOf(rollout, reading)).toBe("harmless");
  expect(standingOf({ ...rollout, stage: 1 }, reading)).toBe("open");
  expect(standingOf(rollout, { ...reading, lower: 0.001 })).toBe("harmful");
  expect(standingOf(rollout, { ...reading, role: "guard", lower: 0.001 })).toBe("open");
  expect(standingOf(rollout, { ...reading, upper: null })).toBe("open");
});

test("looks that knew nothing of a harm are left out of its chart", () => {
  const [only, ...others] = boundsOf(rollout, reading);
  expect(others).toEqual([]);
  expect(only).toMatchObject({ stage: 0, margin: 0.02, paused: true, upper: 0.015 });
  expect(only?.words[0]).toBe("1,000 answers, 0 with an outcome");
});
