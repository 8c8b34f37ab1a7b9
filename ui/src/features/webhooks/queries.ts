import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

/** What was sent is no entry of the log, so the page looks again by itself. */
const LIVE_MS = 5000;

export const channelsQuery = queryOptions({
  queryKey: ["webhooks", "channels"],
  queryFn: () => answer(client.GET("/api/v1/channels")),
  refetchInterval: LIVE_MS,
});

export const webhooksQuery = queryOptions({
  queryKey: ["webhooks"],
  queryFn: () => answer(client.GET("/api/v1/webhooks")),
  refetchInterval: LIVE_MS,
});
