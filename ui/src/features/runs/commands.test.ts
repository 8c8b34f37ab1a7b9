import { expect, test } from "vitest";
import { deedsOf, quoted } from "./commands";

const run = {
  id: "0199",
  kind: "pipeline",
  name: "train",
  status: "finished" as const,
  params: { window: "8 weeks", leaves: "63" },
  tags: { code: "code:flights@4", pins: '{"flights":7,"weather":3}', at: "2013-05-01T00:00:00Z" },
};

test("a run is repeated with its parameters, its data and its code", () => {
  expect(deedsOf(run)).toEqual([
    {
      label: "Run again",
      command:
        "towpath run train --param 'window=8 weeks' --param leaves=63 --pin flights=7" +
        " --pin weather=3 --code 4 --at 2013-05-01T00:00:00Z",
    },
  ]);
});

test("a run that goes on can be cancelled, and a step can be neither", () => {
  expect(deedsOf({ ...run, status: "running" })[0]?.command).toBe("towpath run cancel 0199");
  expect(deedsOf({ ...run, kind: "step" })).toEqual([]);
});

test("tags that are missing or damaged leave their part out", () => {
  const command = deedsOf({ ...run, params: {}, tags: { pins: "{" } })[0]?.command;
  expect(command).toBe("towpath run train");
});

test("no value of a parameter can leave its quotes", () => {
  expect(quoted("a'; rm -rf ~; '")).toBe(`'a'\\''; rm -rf ~; '\\'''`);
  expect(quoted("")).toBe("''");
});
