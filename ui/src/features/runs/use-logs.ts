import { useEffect, useState } from "react";
import type { Schemas } from "@/api/client";
import { type Logs, withChunk } from "./log-text";

export type LogState = "following" | "over" | "away";

const NONE: Logs = new Map();
const FLUSH_MS = 120;

/**
 * Follow what a run's steps print, from the beginning, until the run ends. The browser takes a broken
 * connection up where it broke, by the id of the last event.
 */
export function useLogs(runId: string): { logs: Logs; state: LogState } {
  const [logs, setLogs] = useState<Logs>(NONE);
  const [state, setState] = useState<LogState>("following");
  useEffect(() => {
    setLogs(NONE);
    setState("following");
    const source = new EventSource(`/api/v1/runs/${encodeURIComponent(runId)}/log/stream`);
    let waiting: Schemas["StepLog"][] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      const chunks = waiting;
      waiting = [];
      timer = undefined;
      setLogs((known) => chunks.reduce(withChunk, known));
    };
    source.addEventListener("log", (message) => {
      waiting.push(JSON.parse(message.data));
      timer ??= setTimeout(flush, FLUSH_MS);
    });
    source.addEventListener("end", () => {
      source.close();
      setState("over");
    });
    source.onopen = () => setState("following");
    source.onerror = () => setState("away");
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [runId]);
  return { logs, state };
}
