import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

export type Direction = "trace" | "impact" | "both";

export const lineageQuery = (ref: string, direction: Direction, full: boolean) =>
  queryOptions({
    queryKey: ["lineage", ref, direction, full],
    queryFn: () =>
      answer(client.GET("/api/v1/lineage", { params: { query: { ref, direction, full } } })),
  });

export const decisionQuery = (decisionId: string) =>
  queryOptions({
    queryKey: ["decisions", decisionId],
    queryFn: () =>
      answer(
        client.GET("/api/v1/decisions/{decision_id}/trace", {
          params: { path: { decision_id: decisionId } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY, // each read is recorded; don't repeat it by the way
  });
