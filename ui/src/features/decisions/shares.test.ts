import { expect, test } from "vitest";
import { signed } from "./shares";

test("a share says which way it goes", () => {
  expect(signed(0.25)).toBe("+0.25");
  expect(signed(-0.25)).toMatch(/^[-−]0\.25$/);
  expect(signed(0)).toBe("0");
});
