import { expect, test } from "vitest";
import { nextBy } from "./paging";

const next = nextBy((row: { id: string }) => row.id, 3);
const rows = (...ids: string[]) => ids.map((id) => ({ id }));

test("a full page is followed from its last entry", () => {
  expect(next(rows("c", "b", "a"))).toBe("a");
});

test("a page that is not full is the last one", () => {
  expect(next(rows("b", "a"))).toBeNull();
  expect(next([])).toBeNull();
});
