import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 3000;

export interface RunFilter {
  kind?: string;
  project?: string;
}

export const runsQuery = (filter: RunFilter) =>
  queryOptions({
    queryKey: ["runs", "list", filter],
    queryFn: () => answer(client.GET("/api/v1/runs", { params: { query: filter } })),
  });

export const runQuery = (runId: string) =>
  queryOptions({
    queryKey: ["runs", runId],
    queryFn: () =>
      answer(client.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: runId } } })),
    refetchInterval: (query) => (query.state.data?.status === "running" ? LIVE_MS : false),
  });

export const metricQuery = (runId: string, key: string) =>
  queryOptions({
    queryKey: ["runs", runId, "metrics", key],
    queryFn: () =>
      answer(
        client.GET("/api/v1/runs/{run_id}/metrics", {
          params: { path: { run_id: runId }, query: { key } },
        }),
      ),
  });
