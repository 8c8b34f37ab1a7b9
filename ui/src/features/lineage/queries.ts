import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

export type Direction = "trace" | "impact" | "both";

export interface Around {
  direction: Direction;
  /** How many steps; all when undefined. */
  depth?: number;
  full: boolean;
}

export const lineageQuery = (ref: string, { direction, depth, full }: Around) =>
  queryOptions({
    queryKey: ["lineage", ref, direction, depth, full],
    queryFn: () =>
      answer(client.GET("/api/v1/lineage", { params: { query: { ref, direction, depth, full } } })),
  });

/** The way back from anything, or forth. */
export const treeQuery = (ref: string, direction: "back" | "forth", { depth, full }: Around) =>
  queryOptions({
    queryKey: ["lineage", "tree", ref, direction, depth, full],
    queryFn: () =>
      answer(
        client.GET("/api/v1/lineage/tree", { params: { query: { ref, direction, depth, full } } }),
      ),
    // Reading a decision is recorded; don't repeat it by the way.
    staleTime: /^(decision|label):/.test(ref) ? Number.POSITIVE_INFINITY : 0,
  });

/** What rows reached; it is recorded who asked. */
export const followRows = (ref: string, where: string, actor: string) =>
  answer(
    client.POST("/api/v1/lineage/rows", {
      params: { header: { "towpath-actor": actor } },
      body: { ref, where, limit: 200 },
    }),
  );
