import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, client, type Schemas } from "@/api/client";
import { useHandle } from "@/features/labelling/handle";
import styles from "./alert-page.module.css";

type Alert = Schemas["Alert"];
type Deed = "acknowledge" | "snooze" | "resolve";

const SNOOZED = "1d";

/** What people do about an alert; each is recorded under their handle. */
export function Attending({ alert }: { alert: Alert }) {
  const handle = useHandle();
  const [why, setWhy] = useState("");
  const queries = useQueryClient();
  const doing = useMutation({
    mutationFn: (deed: Deed) => {
      const params = { path: { name: alert.id }, header: { "towpath-actor": handle.keep() } };
      if (deed === "acknowledge")
        return answer(client.POST("/api/v1/alerts/{name}/acknowledge", { params }));
      if (deed === "snooze")
        return answer(
          client.POST("/api/v1/alerts/{name}/snooze", { params, body: { span: SNOOZED } }),
        );
      return answer(client.POST("/api/v1/alerts/{name}/resolve", { params, body: { why } }));
    },
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ["alerts"] });
      void queries.invalidateQueries({ queryKey: ["monitors"] });
    },
  });
  if (alert.state === "resolved") return null;
  const off = !handle.ok || doing.isPending;
  return (
    <div className={styles.attending}>
      {handle.field}
      <TextInput
        label="Why it is over"
        placeholder="For the record; nothing personal"
        value={why}
        onChange={(event) => setWhy(event.currentTarget.value)}
      />
      <div className={styles.deeds}>
        {alert.state !== "acknowledged" && (
          <Button disabled={off} onClick={() => doing.mutate("acknowledge")}>
            Acknowledge
          </Button>
        )}
        <Button variant="default" disabled={off} onClick={() => doing.mutate("snooze")}>
          Snooze for a day
        </Button>
        <Button variant="default" disabled={off} onClick={() => doing.mutate("resolve")}>
          Resolve
        </Button>
      </div>
      {doing.error && <p className={styles.trouble}>{doing.error.message}</p>}
    </div>
  );
}
