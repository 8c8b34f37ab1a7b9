import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, client, type Problem, type Schemas } from "@/api/client";

const LIVE_MS = 4000;

export type Incident = Schemas["IncidentDetail"];

export const incidentsQuery = queryOptions({
  queryKey: ["incidents"],
  queryFn: () => answer(client.GET("/api/v1/incidents")),
});

export const incidentQuery = (name: string) =>
  queryOptions({
    queryKey: ["incidents", name],
    queryFn: () => answer(client.GET("/api/v1/incidents/{name}", { params: { path: { name } } })),
    refetchInterval: (query) => (query.state.data?.state === "closed" ? false : LIVE_MS),
  });

export const casesQuery = queryOptions({
  queryKey: ["cases"],
  queryFn: () => answer(client.GET("/api/v1/cases")),
});

/** Something that changes an incident or its cases; what depends on them is asked for again. */
export function useDeed<T, Given = void>(deed: (given: Given) => Promise<T>) {
  const queries = useQueryClient();
  return useMutation<T, Problem, Given>({
    mutationFn: deed,
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ["incidents"] });
      void queries.invalidateQueries({ queryKey: ["cases"] });
    },
  });
}

const header = (actor: string) => ({ "towpath-actor": actor });

export const openIncident = (actor: string, body: Schemas["NewIncident"]) =>
  answer(client.POST("/api/v1/incidents", { params: { header: header(actor) }, body }));

export const triageIncident = (name: string, actor: string, near: number) =>
  answer(
    client.POST("/api/v1/incidents/{name}/triage", {
      params: { path: { name }, header: header(actor) },
      body: { near },
    }),
  );

export const keepCase = (name: string, actor: string, body: Schemas["WantedCase"]) =>
  answer(
    client.POST("/api/v1/incidents/{name}/cases", {
      params: { path: { name }, header: header(actor) },
      body,
    }),
  );

export const fixIncident = (name: string, actor: string) =>
  answer(
    client.POST("/api/v1/incidents/{name}/fix", {
      params: { path: { name }, header: header(actor) },
      body: {},
    }),
  );

export const closeIncident = (name: string, actor: string, why: string) =>
  answer(
    client.POST("/api/v1/incidents/{name}/close", {
      params: { path: { name }, header: header(actor) },
      body: { why },
    }),
  );

export const waiveCase = (name: string, actor: string, body: Schemas["WantedWaiver"]) =>
  answer(
    client.POST("/api/v1/cases/{name}/waive", {
      params: { path: { name }, header: header(actor) },
      body,
    }),
  );
