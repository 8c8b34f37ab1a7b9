import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { attemptsOf, goesOnFrom } from "./tries";

const attempt = (run: string, stopped = ""): Schemas["RunAttempt"] => ({
  run,
  status: "killed",
  stopped,
  error: null,
  started_at: "2026-03-01T00:00:00Z",
  seconds: 1,
});

test("the newest attempt comes first and keeps its number", () => {
  const found = attemptsOf({ attempts: [attempt("a"), attempt("b")], saved: null });
  expect(found.map(({ run, number }) => [run, number])).toEqual([
    ["b", 2],
    ["a", 1],
  ]);
});

test("what was saved is where it goes on", () => {
  const attempts = [attempt("a", "preempted"), attempt("b")];
  const saved = { attempt: "run/fit/1", size_bytes: 41_300, at: "2026-03-01T00:00:00Z" };
  expect(goesOnFrom({ attempts, saved })).toContain("41.3 kB");
  expect(goesOnFrom({ attempts, saved: null })).toContain("made room");
  expect(goesOnFrom({ attempts: [attempt("a")], saved: null })).toContain("failure");
});
