import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const PAGE = 60;

export const eventsQuery = (type: string | null) =>
  infiniteQueryOptions({
    queryKey: ["log", "events", type],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/events", {
          params: { query: { limit: PAGE, before: pageParam, type: type ? [type] : null } },
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.before,
  });

export const logQuery = queryOptions({
  queryKey: ["log"],
  queryFn: () => answer(client.GET("/api/v1/log")),
});
