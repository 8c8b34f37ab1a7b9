import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, client, type Schemas } from "@/api/client";
import { isName, useActor } from "@/features/labelling/actor";
import styles from "./alert-page.module.css";

type Alert = Schemas["Alert"];
type Deed = "acknowledge" | "snooze" | "resolve";

const SNOOZED = "1d";

/** What people do about an alert; each is recorded under their handle. */
export function Attending({ alert }: { alert: Alert }) {
  const [actor, setActor] = useActor();
  const [text, setText] = useState(actor);
  const [why, setWhy] = useState("");
  const queries = useQueryClient();
  const name = text.trim().toLowerCase();
  const doing = useMutation({
    mutationFn: (deed: Deed) => {
      setActor(name);
      const params = { path: { name: alert.id }, header: { "towpath-actor": name } };
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
  const off = !isName(name) || doing.isPending;
  return (
    <div className={styles.attending}>
      <TextInput
        label="Your handle"
        placeholder="ann"
        value={text}
        error={name && !isName(name) ? "That can't be a handle" : null}
        onChange={(event) => setText(event.currentTarget.value)}
      />
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
