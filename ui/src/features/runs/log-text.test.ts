import { expect, test } from "vitest";
import { KEPT, type Logs, readable, withChunk } from "./log-text";

const chunk = (run: string, text: string, more = {}) => ({
  run,
  step: `step of ${run}`,
  text,
  after: text.length,
  left_out: 0,
  ended: false,
  ...more,
});
const none: Logs = new Map();

test("pieces are put together by step, in the order in which steps came", () => {
  const logs = [chunk("a", "one\n"), chunk("b", "two\n"), chunk("a", "three\n")].reduce(
    withChunk,
    none,
  );
  expect([...logs.values()].map(({ run, text }) => [run, text])).toEqual([
    ["a", "one\nthree\n"],
    ["b", "two\n"],
  ]);
});

test("a piece that ends a step says so, and what was left out is remembered", () => {
  const logs = [chunk("a", "x", { left_out: 9 }), chunk("a", "y", { ended: true })].reduce(
    withChunk,
    none,
  );
  expect(logs.get("a")).toMatchObject({ text: "xy", cut: true, ended: true });
});

test("a page keeps the end of a long log, from a whole line on", () => {
  const line = `${"x".repeat(99)}\n`;
  const logs = withChunk(none, chunk("a", line.repeat(KEPT / 100 + 5)));
  const kept = logs.get("a");
  expect(kept?.cut).toBe(true);
  expect(kept?.text.length).toBeLessThanOrEqual(KEPT);
  expect(kept?.text.startsWith("x".repeat(99))).toBe(true);
});

test("terminals' colours and titles are taken out", () => {
  expect(readable("\u001b[1;31mred\u001b[0m \u001b]0;title\u0007plain")).toBe("red plain");
});

test("a progress bar is shown as it was left", () => {
  expect(readable("epoch 1\r\n 10%\r 50%\r100%\ndone\n")).toBe("epoch 1\n100%\ndone\n");
});

test("nothing of a log is markup", () => {
  expect(readable("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
});
