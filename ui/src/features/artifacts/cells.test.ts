import { expect, test } from "vitest";
import { cellOf, hiddenBecause, isNumeric, shortType } from "./cells";

test("cells are short and plain", () => {
  expect(cellOf(null)).toBe("–");
  expect(cellOf(12_345_678)).toBe("12345678");
  expect(cellOf(0.123456)).toBe("0.1235");
  expect(cellOf(true)).toBe("true");
  expect(cellOf({ a: [1] })).toBe('{"a":[1]}');
  expect(cellOf("x".repeat(80))).toHaveLength(61);
});

test("a midnight is a day, any other time is whole", () => {
  expect(cellOf("2013-03-01T00:00:00Z")).toBe("2013-03-01");
  expect(cellOf("2013-03-01T00:00:00.000000")).toBe("2013-03-01");
  expect(cellOf("2013-03-01 00:00:00+00:00")).toBe("2013-03-01");
  expect(cellOf("2013-03-01T07:30:00Z")).toBe("2013-03-01 07:30:00");
});

test("numbers are told by their type's name", () => {
  expect(["Int64", "UInt8", "Float32", "Decimal(10, 2)"].every(isNumeric)).toBe(true);
  expect(["String", "Datetime('us')", "Interval"].some(isNumeric)).toBe(false);
});

test("a type goes without what its name already says", () => {
  expect(shortType("Datetime(time_unit='us', time_zone='UTC')")).toBe("Datetime");
  expect(shortType("Int64")).toBe("Int64");
});

test("a hidden column says why", () => {
  expect(hiddenBecause("declared")).toBe("declared personal");
  expect(hiddenBecause("e-mail address")).toBe("looks like: e-mail address");
});
