import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";

export type LiveState = "connecting" | "live" | "away";

interface News {
  state: LiveState;
  eventTime: string | null;
}

const FLUSH_MS = 800;

/** Which pages an event may change, by the noun its type begins with. */
const TOUCHES: Record<string, readonly string[]> = {
  asset: ["datasets", "features", "models", "projects"],
  version: ["datasets", "features", "models", "releases", "lineage", "projects"],
  alias: ["datasets", "models"],
  run: ["runs", "projects"],
  step: ["runs"],
  edge: ["lineage", "runs"],
  route: ["traffic", "releases", "models"],
  intent: [
    "datasets",
    "features",
    "labels",
    "rollouts",
    "monitors",
    "traffic",
    "erasures",
    "projects",
    "starts",
    "webhooks",
    "incidents",
    "cases",
  ],
  incident: ["incidents"],
  case: ["cases", "incidents"],
  waiver: ["cases", "incidents"],
  schedule: ["starts"],
  alert: ["alerts", "monitors"],
  trigger: ["alerts", "starts"],
  rollout: ["rollouts", "traffic"],
  segments: ["traffic"],
  erasure: ["erasures", "datasets"],
  label: ["labels"],
  account: ["spend"],
  budget: ["spend"],
  prices: ["spend"],
};

let news: News = { state: "connecting", eventTime: null };
const listeners = new Set<() => void>();

function tell(change: Partial<News>): void {
  news = { ...news, ...change };
  for (const listener of listeners) listener();
}

/** The connection's state and the event time it told last. */
export function useNews(): News {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => news,
  );
}

/** Follow the ledger's log and refresh whatever an entry may have changed. Mount once. */
export function useLiveUpdates(): void {
  const client = useQueryClient();
  useEffect(() => {
    const source = new EventSource("/api/v1/events/stream");
    const stale = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      for (const key of stale) void client.invalidateQueries({ queryKey: [key] });
      stale.clear();
    };
    const touch = (keys: readonly string[]) => {
      for (const key of keys) stale.add(key);
      timer ??= setTimeout(flush, FLUSH_MS);
    };
    source.onopen = () => tell({ state: "live" });
    source.onerror = () => tell({ state: "away" });
    source.addEventListener("clock", (message) => {
      tell({ state: "live", eventTime: JSON.parse(message.data).event_time });
    });
    source.addEventListener("log", (message) => {
      const events: Schemas["LogEvent"][] = JSON.parse(message.data);
      touch(["overview", "log"]);
      for (const event of events) touch(TOUCHES[event.type.split(".")[0] ?? ""] ?? []);
    });
    source.addEventListener("reset", () => void client.invalidateQueries());
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [client]);
}
