import { expect, test } from "vitest";
import { piecesOf } from "./blocker";

const RUN = "01a1ff881a167078b65a19e8f862a33b";

test("runs that hold what is waited for are told from the words", () => {
  expect(piecesOf(`6 cpus taken by fit of run ${RUN} and 1 more`)).toEqual([
    { text: "6 cpus taken by fit of run " },
    { run: RUN },
    { text: " and 1 more" },
  ]);
});

test("a sentence without one stays whole, and an id of something else is no run", () => {
  expect(piecesOf("a worker")).toEqual([{ text: "a worker" }]);
  expect(piecesOf(`erasure ${RUN}`)).toEqual([{ text: `erasure ${RUN}` }]);
  expect(piecesOf("")).toEqual([]);
});
