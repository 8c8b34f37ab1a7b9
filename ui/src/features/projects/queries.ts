import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: () => answer(client.GET("/api/v1/projects")),
});

export const projectQuery = (name: string) =>
  queryOptions({
    queryKey: ["projects", name],
    queryFn: () => answer(client.GET("/api/v1/projects/{name}", { params: { path: { name } } })),
  });
