import { queryOptions } from "@tanstack/react-query";
import { answer, client } from "@/api/client";

const LIVE_MS = 5000;

export const spendQuery = queryOptions({
  queryKey: ["spend"],
  queryFn: () => answer(client.GET("/api/v1/spend")),
  refetchInterval: (query) => ((query.state.data?.attempts.length ?? 0) > 0 ? LIVE_MS : false),
});

export const PROPERTIES = [
  { value: "project", label: "Project" },
  { value: "queue", label: "Queue" },
  { value: "pipeline", label: "Pipeline" },
  { value: "step", label: "Step" },
  { value: "model", label: "Model" },
  { value: "erasure", label: "Erasure" },
  { value: "cause", label: "Cause" },
] as const;

export type Property = (typeof PROPERTIES)[number]["value"];

export const spendByQuery = (by: Property, days: number | null) =>
  queryOptions({
    queryKey: ["spend", by, days],
    queryFn: () =>
      answer(client.GET("/api/v1/spend/{by}", { params: { path: { by }, query: { days } } })),
  });
