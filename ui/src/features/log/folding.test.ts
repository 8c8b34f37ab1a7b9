import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { folded } from "./folding";

type Event = Schemas["LogEvent"];

const event = (seq: number, type: string, subject: string): Event => ({
  seq,
  at: "2026-03-01T00:00:00Z",
  type,
  subject,
  actor: "towpath",
  payload: {},
  leaf: "",
});

const items = (count: number) =>
  Array.from({ length: count }, (_, seq) => event(seq, "label.settled", `label_item:queue.${seq}`));

test("what many say one after the other is told once", () => {
  const folds = folded([event(9, "alert.raised", "service:board"), ...items(5)]);
  expect(folds.map(({ first, rest }) => [first.seq, rest.length])).toEqual([
    [9, 0],
    [0, 4],
  ]);
});

test("a few stand for themselves", () => {
  expect(folded(items(3)).map(({ rest }) => rest.length)).toEqual([0, 0, 0]);
});

test("the same word of another kind of thing is another sentence", () => {
  const mixed = items(6).map((one, place) =>
    place % 2 ? one : { ...one, subject: `run:${one.seq}` },
  );
  expect(folded(mixed)).toHaveLength(6);
});

test("no entry is lost, and the order stays", () => {
  const all = [...items(5), event(7, "alert.raised", "service:a"), ...items(4)];
  expect(folded(all).flatMap(({ first, rest }) => [first, ...rest])).toEqual(all);
});
