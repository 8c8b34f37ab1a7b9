import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 3000;

export const rolloutsQuery = queryOptions({
  queryKey: ["rollouts"],
  queryFn: () => answer(client.GET("/api/v1/rollouts")),
  refetchInterval: LIVE_MS,
});

export const rolloutQuery = (name: string) =>
  queryOptions({
    queryKey: ["rollouts", name],
    queryFn: () => answer(client.GET("/api/v1/rollouts/{name}", { params: { path: { name } } })),
    refetchInterval: (query) => (query.state.data?.outcome ? false : LIVE_MS),
  });
