import { expect, test } from "vitest";
import { formatMoney } from "./money";

test("amounts have cents, and more digits where there is less", () => {
  expect(formatMoney(60_000_000, "USD")).toBe("$60.00");
  expect(formatMoney(1_234_567_000, "EUR")).toBe("€1,234.57");
  expect(formatMoney(300_834, "USD")).toBe("$0.30");
  expect(formatMoney(40_000, "USD")).toBe("$0.0400");
  expect(formatMoney(0, "USD")).toBe("$0.00");
});

test("what is not free never reads as nothing", () => {
  expect(formatMoney(420, "USD")).toBe("$0.000420");
  expect(formatMoney(1, "USD")).toBe("$0.000001");
  expect(formatMoney(-5_000_000, "USD")).toBe("-$5.00");
});

test("a currency that nobody knows is written out", () => {
  expect(formatMoney(2_500_000, "credits")).toBe("2.50 credits");
});
