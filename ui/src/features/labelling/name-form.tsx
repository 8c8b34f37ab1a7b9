import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Panel } from "@/design/panel";
import { isName } from "./actor";
import styles from "./name-form.module.css";

/** Asks who is at the desk. A handle will do: it stands beside each answer, for good. */
export function NameForm({ onName }: { onName: (name: string) => void }) {
  const [text, setText] = useState("");
  const name = text.trim().toLowerCase();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isName(name)) onName(name);
  };
  return (
    <Panel title="Who is judging?">
      <form className={styles.form} onSubmit={submit}>
        <TextInput
          label="Your handle"
          description="It is recorded with everything you say here. Letters, digits, '-', '_' or '.'."
          placeholder="ann"
          value={text}
          error={name && !isName(name) ? "That can't be a handle" : null}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" disabled={!isName(name)}>
          Begin
        </Button>
      </form>
    </Panel>
  );
}
