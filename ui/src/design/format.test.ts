import { expect, test } from "vitest";
import { formatBytes, formatMemory, formatSeconds, formatShare, plural } from "./format";

test("no part of a time is a whole of the next", () => {
  expect(formatSeconds(59.94)).toBe("59.9 s");
  expect(formatSeconds(59.97)).toBe("1 min 0 s");
  expect(formatSeconds(3599.7)).toBe("1 h 0 min");
  expect(formatSeconds(7199)).toBe("2 h 0 min");
  expect(formatSeconds(0.0294)).toBe("29 ms");
});

test("memory goes by powers of two, files by powers of ten", () => {
  expect(formatMemory(4 * 2 ** 30)).toBe("4 GiB");
  expect(formatMemory(1536)).toBe("1.5 KiB");
  expect(formatMemory(0)).toBe("0 B");
  expect(formatBytes(4_000_000_000)).toBe("4 GB");
});

test("small shares keep a digit, and one is no plural", () => {
  expect(formatShare(0.0194)).toBe("1.9%");
  expect(formatShare(0.5)).toBe("50%");
  expect(plural(1, "column looks", "columns look")).toBe("1 column looks");
});
