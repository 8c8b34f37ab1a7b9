import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

/** A look into an artefact by its digest. Its content never changes, but an erasure can take it. */
export const artifactQuery = (digest: string) =>
  queryOptions({
    queryKey: ["artifacts", digest],
    queryFn: () =>
      answer(client.GET("/api/v1/artifacts/{name}", { params: { path: { name: digest } } })),
    staleTime: 60_000,
  });
