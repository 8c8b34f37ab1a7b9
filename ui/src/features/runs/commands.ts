import type { Schemas } from "@/api/client";

type Run = Pick<Schemas["RunDetail"], "id" | "kind" | "name" | "status" | "params" | "tags">;

export interface Deed {
  label: string;
  command: string;
}

/** What a person can have done about a run, each as the command that does it. */
export function deedsOf(run: Run): Deed[] {
  if (run.kind !== "pipeline") return [];
  if (run.status === "running" || run.status === "scheduled") {
    return [{ label: "Cancel", command: `towpath run cancel ${run.id}` }];
  }
  return [{ label: "Run again", command: rerun(run) }];
}

/** The command that repeats a run: its code, its parameters, the versions it read. */
function rerun(run: Run): string {
  const words = ["towpath", "run", run.name];
  for (const [name, value] of Object.entries(run.params)) words.push("--param", `${name}=${value}`);
  for (const [name, version] of Object.entries(pinsOf(run.tags.pins))) {
    words.push("--pin", `${name}=${version}`);
  }
  const code = run.tags.code?.split("@")[1];
  if (code) words.push("--code", code);
  if (run.tags.at) words.push("--at", run.tags.at);
  return words.map(quoted).join(" ");
}

function pinsOf(text: string | undefined): Record<string, number> {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}

/** A word as a POSIX shell reads it back unchanged. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
