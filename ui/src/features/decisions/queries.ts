import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";
import type { Asked } from "./asked";

const PAGE = 100;

export const decisionsQuery = (service: string, asked: Asked) =>
  infiniteQueryOptions({
    queryKey: ["decisions", service, asked],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/decisions", {
          params: {
            query: {
              service,
              limit: PAGE,
              before: pageParam,
              model: asked.model || null,
              arm: asked.arm || null,
              status: asked.status || null,
              key: asked.key || null,
              since: startOf(asked.since),
              until: startOf(asked.until),
            },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.before,
    staleTime: Number.POSITIVE_INFINITY, // each read is recorded; don't repeat it by the way
  });

export const explanationQuery = (decisionId: string) =>
  queryOptions({
    queryKey: ["decisions", decisionId, "explanation"],
    queryFn: () =>
      answer(
        client.GET("/api/v1/decisions/{decision_id}/explanation", {
          params: { path: { decision_id: decisionId } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY, // each read is recorded, and costs seconds
    retry: false,
  });

export const replayQuery = (decisionId: string) =>
  queryOptions({
    queryKey: ["decisions", decisionId, "replay"],
    queryFn: () =>
      answer(
        client.GET("/api/v1/decisions/{decision_id}/replay", {
          params: { path: { decision_id: decisionId } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

/** The beginning of a day, as the API takes it. */
const startOf = (day: string | undefined): string | null => (day ? `${day}T00:00:00Z` : null);
