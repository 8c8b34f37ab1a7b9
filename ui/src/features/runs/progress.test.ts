import { expect, test } from "vitest";
import { sharesOf, toneOfCall, wordsOf } from "./progress";

test("a single call is told by its state and how long it took", () => {
  expect(wordsOf({ state: "finished", counts: { finished: 1 }, seconds: 2.44 })).toBe(
    "finished 2.4 s",
  );
  expect(wordsOf({ state: "cached", counts: { cached: 1 }, seconds: 0 })).toBe("from cache");
  expect(wordsOf({ state: "ahead", counts: { ahead: 1 }, seconds: 0 })).toBe("still to come");
  expect(wordsOf({ state: "skipped", counts: { skipped: 1 }, seconds: 0 })).toBe("not needed");
  expect(sharesOf({ finished: 1 })).toEqual([]);
});

test("a fan-out tells how many of its calls are over, failed ones included", () => {
  const counts = { ahead: 5, running: 2, finished: 40, cached: 2, failed: 1 };
  expect(wordsOf({ state: "failed", counts, seconds: 9 })).toBe("43 of 50 calls");
  expect(sharesOf(counts).map(({ state, share }) => [state, share])).toEqual([
    ["finished", 0.8],
    ["cached", 0.04],
    ["failed", 0.02],
    ["running", 0.04],
    ["ahead", 0.1],
  ]);
});

test("a fan-out that is over tells what the cache spared", () => {
  const some = { finished: 3, cached: 7 };
  expect(wordsOf({ state: "finished", counts: some, seconds: 1 })).toBe("10 calls, 7 from cache");
  expect(wordsOf({ state: "cached", counts: { cached: 9 }, seconds: 0 })).toBe(
    "9 calls, from cache",
  );
});

test("a hit has a colour of its own, and a state nobody knows is quiet", () => {
  expect(toneOfCall("cached")).toBe("cached");
  expect(toneOfCall("failed")).toBe("bad");
  expect(toneOfCall("levitating")).toBe("idle");
});
