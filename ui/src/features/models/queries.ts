import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, client, type Schemas } from "@/api/client";
import { nextBy, PAGE } from "@/api/paging";

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: () => answer(client.GET("/api/v1/models")),
});

export const modelQuery = (name: string) =>
  queryOptions({
    queryKey: ["models", name],
    queryFn: () => answer(client.GET("/api/v1/models/{name}", { params: { path: { name } } })),
  });

export const modelVersionsQuery = (name: string) =>
  infiniteQueryOptions({
    queryKey: ["models", name, "versions"],
    queryFn: ({ pageParam }) =>
      answer(
        client.GET("/api/v1/models/{name}/versions", {
          params: { path: { name }, query: { below: pageParam, limit: PAGE } },
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: nextBy((version: Schemas["ModelVersion"]) => version.number),
  });

export const modelVersionQuery = (name: string, number: number) =>
  queryOptions({
    queryKey: ["models", name, number],
    queryFn: () =>
      answer(
        client.GET("/api/v1/models/{name}/versions/{number}", {
          params: { path: { name, number } },
        }),
      ),
  });

export type DocumentKind = "report" | "card";

export const documentQuery = (name: string, number: number, kind: DocumentKind) =>
  queryOptions({
    queryKey: ["models", name, number, kind],
    queryFn: () =>
      answer(
        client.GET(`/api/v1/models/{name}/versions/{number}/${kind}`, {
          params: { path: { name, number } },
        }),
      ),
  });
