import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, type Schemas } from "@/api/client";
import { nextBy, PAGE } from "@/api/paging";

const LIVE_MS = 3000;

export interface RunFilter {
  kind?: string;
  project?: string;
  parent?: string;
}

export const runsQuery = (filter: RunFilter) =>
  infiniteQueryOptions({
    queryKey: ["runs", "list", filter],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/runs", {
          params: { query: { ...filter, before: pageParam, limit: PAGE } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: nextBy((run: Schemas["RunSummary"]) => run.id),
  });

export const runQuery = (runId: string) =>
  queryOptions({
    queryKey: ["runs", runId],
    queryFn: () =>
      answer(client.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: runId } } })),
    refetchInterval: (query) => (query.state.data?.status === "running" ? LIVE_MS : false),
  });

export const runGraphQuery = (runId: string) =>
  queryOptions({
    queryKey: ["runs", runId, "graph"],
    queryFn: () =>
      answer(client.GET("/api/v1/runs/{run_id}/graph", { params: { path: { run_id: runId } } })),
    refetchInterval: (query) => (query.state.data?.status === "running" ? LIVE_MS : false),
  });

export const reasonsQuery = (runId: string) =>
  queryOptions({
    queryKey: ["runs", runId, "why"],
    queryFn: () =>
      answer(client.GET("/api/v1/runs/{run_id}/why", { params: { path: { run_id: runId } } })),
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
