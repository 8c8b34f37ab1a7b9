import { queryOptions } from "@tanstack/react-query";
import { answer, client, type Schemas } from "@/api/client";

export type Queue = Schemas["LabelQueue"];
export type Item = Schemas["LabelItem"];
export type Dispute = Schemas["LabelDispute"];
export type DisputeItem = Schemas["LabelDisputeItem"];

const LIVE_MS = 5000;

export const queuesQuery = queryOptions({
  queryKey: ["labels"],
  queryFn: () => answer(client.GET("/api/v1/labelling")),
  refetchInterval: LIVE_MS,
});

export const queueQuery = (queue: string) =>
  queryOptions({
    queryKey: ["labels", queue],
    queryFn: () => answer(client.GET("/api/v1/labelling/{queue}", { params: { path: { queue } } })),
    refetchInterval: LIVE_MS,
  });

export const agreementQuery = (queue: string) =>
  queryOptions({
    queryKey: ["labels", queue, "agreement"],
    queryFn: () =>
      answer(client.GET("/api/v1/labelling/{queue}/agreement", { params: { path: { queue } } })),
  });

export const disputesQuery = (queue: string) =>
  queryOptions({
    queryKey: ["labels", queue, "disputes"],
    queryFn: () =>
      answer(client.GET("/api/v1/labelling/{queue}/disputes", { params: { path: { queue } } })),
  });

/** What somebody at the desk can do; each is recorded under their name. */
export function deskOf(queue: string, actor: string) {
  const header = { "towpath-actor": actor };
  const at = (decision_id: string) => ({ params: { path: { queue, decision_id }, header } });
  const base = "/api/v1/labelling/{queue}/items/{decision_id}";
  return {
    next: async () =>
      (
        await answer(
          client.POST("/api/v1/labelling/{queue}/next", { params: { path: { queue }, header } }),
        )
      ).item,
    renew: (id: string) => answer(client.POST(`${base}/lease`, at(id))),
    judge: (id: string, body: Schemas["Answer"]) =>
      answer(client.POST(`${base}/judgement`, { ...at(id), body })),
    skip: (id: string, comment: string) =>
      answer(client.POST(`${base}/skip`, { ...at(id), body: { comment } })),
    undo: (id: string) => answer(client.POST(`${base}/undo`, at(id))),
    open: (id: string) => answer(client.POST(`${base}/dispute`, at(id))),
    rule: (id: string, label: string | null, comment: string) =>
      answer(client.POST(`${base}/ruling`, { ...at(id), body: { label, comment } })),
  };
}

export type Desk = ReturnType<typeof deskOf>;
