import { expect, test } from "vitest";
import { readAgain } from "./certificate";

test("a reading says how much was read and what was found", () => {
  const read = { places: 57, size_bytes: 1_141_921 };
  expect(readAgain({ verification: { ...read, residue: [] } })).toBe(
    "57 places, 1.142 MB: nothing found",
  );
  expect(readAgain({ verification: { ...read, residue: ["a file"] } })).toBe(
    "57 places, 1.142 MB: found in 1 place",
  );
});
