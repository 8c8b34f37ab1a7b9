import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 4000;

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: () => answer(client.GET("/api/v1/overview")),
  refetchInterval: LIVE_MS,
});

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: () => answer(client.GET("/api/v1/health")),
});

export const searchQuery = (q: string) =>
  queryOptions({
    queryKey: ["search", q],
    queryFn: () => answer(client.GET("/api/v1/search", { params: { query: { q } } })),
    enabled: q.length > 1,
  });
