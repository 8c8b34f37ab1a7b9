import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 8000;

export const viewsQuery = queryOptions({
  queryKey: ["features"],
  queryFn: () => answer(client.GET("/api/v1/features")),
  refetchInterval: LIVE_MS,
});

export const viewQuery = (name: string) =>
  queryOptions({
    queryKey: ["features", name],
    queryFn: () => answer(client.GET("/api/v1/features/{name}", { params: { path: { name } } })),
    refetchInterval: LIVE_MS,
  });

export const servicesQuery = queryOptions({
  queryKey: ["features", "services"],
  queryFn: () => answer(client.GET("/api/v1/feature-services")),
});

export const serviceQuery = (name: string) =>
  queryOptions({
    queryKey: ["features", "services", name],
    queryFn: () =>
      answer(client.GET("/api/v1/feature-services/{name}", { params: { path: { name } } })),
  });
