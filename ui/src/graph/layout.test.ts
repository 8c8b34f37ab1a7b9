import { expect, test } from "vitest";
import { placed } from "./layout";

const size = { width: 200, height: 60 };
const diamond = {
  ids: ["rows", "left", "right", "model"],
  edges: [
    { source: "rows", target: "left" },
    { source: "rows", target: "right" },
    { source: "left", target: "model" },
    { source: "right", target: "model" },
  ],
};

test("what reads lies after what is read, and no two nodes overlap", () => {
  const places = placed(diamond, size, false);
  const at = (id: string) => places.get(id) ?? { x: Number.NaN, y: Number.NaN };
  expect(at("rows").x + size.width).toBeLessThan(at("left").x);
  expect(at("left").x + size.width).toBeLessThan(at("model").x);
  expect(at("left").x).toBe(at("right").x);
  expect(Math.abs(at("left").y - at("right").y)).toBeGreaterThanOrEqual(size.height);
});

test("on a narrow screen it runs downwards", () => {
  const places = placed(diamond, size, true);
  expect(places.get("rows")?.y).toBeLessThan(places.get("model")?.y ?? 0);
});

test("a circle, and a node with no edge, are drawn as well", () => {
  const places = placed(
    {
      ids: ["a", "b", "alone"],
      edges: [
        { source: "a", target: "b" },
        { source: "b", target: "a" },
      ],
    },
    size,
    false,
  );
  expect([...places.values()].every(({ x, y }) => Number.isFinite(x + y))).toBe(true);
});
