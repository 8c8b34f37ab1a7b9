import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { backlogOf, nameOf, standingOf } from "./standing";

type Webhook = Schemas["WebhookListed"];

const hook = (change: Partial<Webhook> = {}): Webhook => ({
  name: "flights.ops",
  project: "flights",
  url: "https://ops.example.org",
  events: ["alert.raised"],
  state: "sending",
  sent: 1,
  refused: 0,
  failures: 0,
  error: null,
  next_at: null,
  waiting: [],
  deliveries: [],
  ...change,
});

const event = (seq: number): Schemas["LogEvent"] => ({
  seq,
  at: "2026-03-01T00:00:00Z",
  type: "alert.raised",
  subject: "service:board",
  actor: "monitor",
  payload: {},
  leaf: "",
});

test("one that has nothing left to tell is done, not busy", () => {
  expect(standingOf(hook())).toEqual({ words: "told", tone: "good" });
  expect(standingOf(hook({ waiting: [event(1)] })).tone).toBe("active");
});

test("what is in the way comes before what waits", () => {
  expect(standingOf(hook({ state: "failing", waiting: [event(1)] })).tone).toBe("bad");
  expect(standingOf(hook({ state: "gone" })).words).toContain("ended");
  expect(standingOf(hook({ state: "new" })).tone).toBe("idle");
});

test("a backlog is counted as far as it was looked at", () => {
  expect(backlogOf(hook({ waiting: [event(1)] }))).toBe("1 event");
  const many = Array.from({ length: 50 }, (_, seq) => event(seq));
  expect(backlogOf(hook({ waiting: many }))).toBe("50 events or more");
});

test("only a project's own name is taken off", () => {
  expect(nameOf(hook())).toBe("ops");
  expect(nameOf(hook({ name: "other.ops" }))).toBe("other.ops");
});
