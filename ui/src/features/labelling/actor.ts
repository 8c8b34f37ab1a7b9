import { useSyncExternalStore } from "react";

const KEY = "towpath-actor";
const listeners = new Set<() => void>();

/** What the server takes for a name: the same as for anything else that is named. */
const NAME = /^[a-z0-9](?:[a-z0-9_.-]{0,126}[a-z0-9])?$/;

export const isName = (text: string): boolean => NAME.test(text) && !text.includes("..");

/** The handle under which this browser's words are recorded; empty before somebody gave one. */
export function useActor(): [string, (name: string) => void] {
  const actor = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      window.addEventListener("storage", listener);
      return () => {
        listeners.delete(listener);
        window.removeEventListener("storage", listener);
      };
    },
    () => localStorage.getItem(KEY) ?? "",
  );
  const set = (name: string) => {
    if (name) localStorage.setItem(KEY, name);
    else localStorage.removeItem(KEY);
    for (const listener of listeners) listener();
  };
  return [actor, set];
}
