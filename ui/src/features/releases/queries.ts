import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, type Schemas } from "@/api/client";
import { nextBy, PAGE } from "@/api/paging";

const LIVE_MS = 3000;

export const trafficQuery = queryOptions({
  queryKey: ["traffic"],
  queryFn: () => answer(client.GET("/api/v1/traffic")),
  refetchInterval: LIVE_MS,
});

export const trafficSeriesQuery = (service: string) =>
  queryOptions({
    queryKey: ["traffic", service],
    queryFn: () =>
      answer(client.GET("/api/v1/traffic/{service}", { params: { path: { service } } })),
    refetchInterval: LIVE_MS,
  });

export const releaseQuery = (number: number, against?: number) =>
  queryOptions({
    queryKey: ["releases", number, against ?? null],
    queryFn: () =>
      answer(
        client.GET("/api/v1/releases/{number}", {
          params: { path: { number }, query: { against } },
        }),
      ),
    refetchInterval: LIVE_MS,
  });

export const releasesQuery = infiniteQueryOptions({
  queryKey: ["releases"],
  queryFn: ({ pageParam }) =>
    answer(
      client.GET("/api/v1/releases", { params: { query: { below: pageParam, limit: PAGE } } }),
    ),
  initialPageParam: null as number | null,
  getNextPageParam: nextBy((release: Schemas["Release"]) => release.number),
});
