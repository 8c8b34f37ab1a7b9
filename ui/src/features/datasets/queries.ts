import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

export const datasetsQuery = queryOptions({
  queryKey: ["datasets"],
  queryFn: () => answer(client.GET("/api/v1/datasets")),
});

export const datasetQuery = (name: string) =>
  queryOptions({
    queryKey: ["datasets", name],
    queryFn: () => answer(client.GET("/api/v1/datasets/{name}", { params: { path: { name } } })),
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
