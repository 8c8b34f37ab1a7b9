import { TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { isName, useActor } from "./actor";

export interface Handle {
  /** What was typed, as it would be recorded. */
  name: string;
  /** Whether it can be a handle. */
  ok: boolean;
  /** Remember it for the next page; returns it. */
  keep: () => string;
  field: ReactNode;
}

/** Under whose handle something is about to be recorded: a field, and what it says. */
export function useHandle(): Handle {
  const [actor, setActor] = useActor();
  const [typed, setTyped] = useState<string>();
  const text = typed ?? actor; // what another field of the page kept shows here too
  const name = text.trim().toLowerCase();
  return {
    name,
    ok: isName(name),
    keep: () => {
      setActor(name);
      return name;
    },
    field: (
      <TextInput
        label="Your handle"
        placeholder="ann"
        value={text}
        error={name && !isName(name) ? "That can't be a handle" : null}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
    ),
  };
}
