import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { columnsOf, namesIn, written } from "./columns";

type Page = Schemas["DecisionRows"];

const page = (inputs: string[], signals: string[] = [], weight = 1): Page => ({
  service: "board",
  decisions: [{ weight } as Schemas["DecisionRow"]],
  inputs,
  outputs: ["late"],
  signals,
  before: null,
});

test("columns are of every page, each once", () => {
  const pages = [page(["distance"]), page(["distance", "wind"], ["clicked"])];
  expect(namesIn(pages, "inputs")).toEqual(["distance", "wind"]);
  const headers = columnsOf(pages).map((column) => column.header);
  expect(headers.slice(5)).toEqual(["→ late", "label", "clicked", "distance", "wind"]);
});

test("a sample says what its rows stand for", () => {
  expect(columnsOf([page([], [], 10)]).at(-1)?.header).toBe("stands for");
  expect(columnsOf([page([])]).at(-1)?.header).toBe("label");
});

test("a missing value is a dash, and no zero", () => {
  expect(written(null)).toBe("–");
  expect(written(undefined)).toBe("–");
  expect(written(0)).toBe("0");
  expect(written("UA")).toBe("UA");
});
