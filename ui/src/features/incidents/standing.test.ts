import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { chanceOf, groupsOf, heldBack, isShare, lengthOf, outcomeOf, shortened } from "./standing";

type Suspect = Schemas["IncidentSuspect"];
type Standing = Schemas["CaseStanding"];

const suspect = (kind: string, value: number, unit = "log_loss more than elsewhere"): Suspect => ({
  kind,
  name: `${kind} ${value}`,
  value,
  unit,
  p: null,
  summary: "",
  refs: [],
});

const standing = (verdict: string, waived: string | null = null): Standing => ({
  model: `model:late@${verdict}`,
  verdict,
  waived,
  passes: verdict === "pass" || waived !== null,
  traffic: 0,
});

test("suspects stand by kind, strongest first as they came, unknown kinds last", () => {
  const groups = groupsOf([
    suspect("weather", 1),
    suspect("code", 3),
    suspect("slice", 2),
    suspect("slice", 1),
  ]);
  expect(groups.map((one) => one.kind)).toEqual(["slice", "code", "weather"]);
  expect(groups[0]?.suspects.map((one) => one.value)).toEqual([2, 1]);
});

test("bars compare what is counted in the same unit, and nothing else", () => {
  const files = suspect("model", 3, "files differ");
  const rows = suspect("model", 900, "rows more than before");
  const fewer = suspect("model", -450, "rows more than before");
  const among = [files, rows, fewer];
  expect(lengthOf(files, among)).toBeNull();
  expect(lengthOf(rows, among)).toBe(1);
  expect(lengthOf(fewer, among)).toBe(0.5);
});

test("a share of rows is drawn as the share it is", () => {
  const near = suspect("rows", 0.4, "of the nearest rows");
  expect(lengthOf(near, [near])).toBe(0.4);
});

test("what one row moved is no share, though it is about rows too", () => {
  const near = suspect("rows", 0.4, "of the nearest rows speak for the wrong answer");
  const pull = suspect(
    "rows",
    3.2,
    "standard errors of the answer, if the strongest were left out",
  );
  expect([near, pull].map(isShare)).toEqual([true, false]);
  expect(lengthOf(pull, [near, pull])).toBeNull();
});

test("a waiver lets through what failed, and says that it did", () => {
  expect(outcomeOf(standing("fail"))).toEqual({ label: "fail", tone: "bad" });
  expect(outcomeOf(standing("fail", "case.w1"))).toEqual({ label: "fail, waived", tone: "warn" });
  expect(outcomeOf(standing("unjudged")).label).toBe("not asked yet");
});

test("only what failed can be let through", () => {
  const standings = [
    standing("pass"),
    standing("fail"),
    standing("unjudged"),
    standing("unanswerable", "c.w1"),
  ];
  expect(heldBack(standings)).toEqual(["model:late@fail"]);
});

test("digests in sentences are cut, and nothing else is", () => {
  const digest = "c1a8a823fb".padEnd(64, "0");
  expect(shortened(`20 rows of artifact:${digest} in 12 days`)).toBe(
    "20 rows of artifact:c1a8a823fb… in 12 days",
  );
});

test("chances are said as people say them", () => {
  expect(chanceOf(0.05)).toBe("by chance alone: 5%");
  expect(chanceOf(0.002)).toBe("by chance alone: 1 in 500");
  expect(chanceOf(1e-9)).toBe("by chance alone: less than 1 in 10,000");
});
