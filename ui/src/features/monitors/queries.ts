import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 4000;

export const monitorsQuery = queryOptions({
  queryKey: ["monitors"],
  queryFn: () => answer(client.GET("/api/v1/monitors")),
  refetchInterval: LIVE_MS,
});

export const monitorQuery = (name: string) =>
  queryOptions({
    queryKey: ["monitors", name],
    queryFn: () => answer(client.GET("/api/v1/monitors/{name}", { params: { path: { name } } })),
    refetchInterval: LIVE_MS,
  });

export const spreadsQuery = (name: string) =>
  queryOptions({
    queryKey: ["monitors", name, "spreads"],
    queryFn: () =>
      answer(client.GET("/api/v1/monitors/{name}/spreads", { params: { path: { name } } })),
    refetchInterval: LIVE_MS,
  });

export const alertQuery = (name: string) =>
  queryOptions({
    queryKey: ["alerts", name],
    queryFn: () => answer(client.GET("/api/v1/alerts/{name}", { params: { path: { name } } })),
    refetchInterval: LIVE_MS,
  });

export const alertsQuery = queryOptions({
  queryKey: ["alerts"],
  queryFn: () => answer(client.GET("/api/v1/alerts")),
});
