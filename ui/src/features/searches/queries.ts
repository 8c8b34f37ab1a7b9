import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, type Schemas } from "@/api/client";
import { nextBy, PAGE } from "@/api/paging";

const LIVE_MS = 2000;

export const searchesQuery = infiniteQueryOptions({
  queryKey: ["runs", "searches"],
  queryFn: ({ pageParam }) =>
    answer(
      client.GET("/api/v1/searches", { params: { query: { before: pageParam, limit: PAGE } } }),
    ),
  initialPageParam: null as string | null,
  getNextPageParam: nextBy((search: Schemas["SearchSummary"]) => search.id),
});

export const searchQuery = (runId: string) =>
  queryOptions({
    queryKey: ["runs", "searches", runId],
    // The client's types forget that a pair has two ends.
    queryFn: async () =>
      (await answer(
        client.GET("/api/v1/searches/{run_id}", { params: { path: { run_id: runId } } }),
      )) as Schemas["SearchView"],
    refetchInterval: (query) => (query.state.data?.summary.status === "running" ? LIVE_MS : false),
  });
