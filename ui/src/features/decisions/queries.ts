import { infiniteQueryOptions } from "@tanstack/react-query";
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

/** The beginning of a day, as the API takes it. */
const startOf = (day: string | undefined): string | null => (day ? `${day}T00:00:00Z` : null);
