import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, type Schemas } from "@/api/client";
import { nextBy, PAGE } from "@/api/paging";

export const datasetsQuery = queryOptions({
  queryKey: ["datasets"],
  queryFn: () => answer(client.GET("/api/v1/datasets")),
});

export const datasetQuery = (name: string) =>
  queryOptions({
    queryKey: ["datasets", name],
    queryFn: () => answer(client.GET("/api/v1/datasets/{name}", { params: { path: { name } } })),
  });

export const datasetVersionsQuery = (name: string) =>
  infiniteQueryOptions({
    queryKey: ["datasets", name, "versions"],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/datasets/{name}/versions", {
          params: { path: { name }, query: { below: pageParam, limit: PAGE } },
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: nextBy((version: Schemas["DatasetVersion"]) => version.number),
  });

export const datasetVersionQuery = (name: string, number: number) =>
  queryOptions({
    queryKey: ["datasets", name, number],
    queryFn: () =>
      answer(
        client.GET("/api/v1/datasets/{name}/versions/{number}", {
          params: { path: { name, number } },
        }),
      ),
  });

export const profileQuery = (name: string, number: number) =>
  queryOptions({
    queryKey: ["datasets", name, number, "profile"],
    queryFn: () =>
      answer(
        client.GET("/api/v1/datasets/{name}/versions/{number}/profile", {
          params: { path: { name, number } },
        }),
      ),
  });

/** What differs between two versions of one data set; reads what differs, so it may take a moment. */
export const diffQuery = (name: string, before: string, after: string) =>
  queryOptions({
    queryKey: ["datasets", name, "diff", before, after],
    queryFn: () =>
      answer(
        client.GET("/api/v1/datasets/{name}/diff", {
          params: { path: { name }, query: { before, after } },
        }),
      ),
    enabled: before !== "" && after !== "" && before !== after,
    staleTime: Number.POSITIVE_INFINITY,
  });
