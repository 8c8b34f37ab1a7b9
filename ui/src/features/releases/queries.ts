import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

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

export const releasesQuery = queryOptions({
  queryKey: ["releases"],
  queryFn: () => answer(client.GET("/api/v1/releases")),
});
