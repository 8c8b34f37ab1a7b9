import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 2000;

export const erasuresQuery = queryOptions({
  queryKey: ["erasures"],
  queryFn: () => answer(client.GET("/api/v1/erasures")),
  refetchInterval: (query) => (query.state.data?.some((one) => !one.certified) ? LIVE_MS : false),
});

export const erasureQuery = (id: string) =>
  queryOptions({
    queryKey: ["erasures", id],
    queryFn: () =>
      answer(client.GET("/api/v1/erasures/{erasure_id}", { params: { path: { erasure_id: id } } })),
    refetchInterval: (query) => (query.state.data?.certified ? false : LIVE_MS),
  });

export const certificateQuery = (id: string) =>
  queryOptions({
    queryKey: ["erasures", id, "certificate"],
    queryFn: () =>
      answer(
        client.GET("/api/v1/erasures/{erasure_id}/certificate", {
          params: { path: { erasure_id: id } },
        }),
      ),
  });
