import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

export const schedulesQuery = queryOptions({
  queryKey: ["starts", "schedules"],
  queryFn: () => answer(client.GET("/api/v1/schedules")),
});

export const triggersQuery = queryOptions({
  queryKey: ["starts", "triggers"],
  queryFn: () => answer(client.GET("/api/v1/triggers")),
});

export const backfillsQuery = queryOptions({
  queryKey: ["starts", "backfills"],
  queryFn: () => answer(client.GET("/api/v1/backfills")),
});

export const backfillQuery = (name: string) =>
  queryOptions({
    queryKey: ["starts", "backfills", name],
    queryFn: () => answer(client.GET("/api/v1/backfills/{name}", { params: { path: { name } } })),
  });

export const wantedQuery = queryOptions({
  queryKey: ["starts", "wanted"],
  queryFn: () => answer(client.GET("/api/v1/wanted-runs")),
});
