import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { Problem } from "@/api/client";
import type { Desk, Item } from "./queries";

/** Something that was said in this sitting. */
export interface Word {
  decisionId: string;
  label: string | null;
}

interface Bench {
  item: Item | null | undefined;
  /** Said in this sitting, newest first. */
  words: Word[];
  busy: boolean;
  trouble: Error | null;
  judge: (label: string, comment: string) => void;
  skip: (comment: string) => void;
  undo: () => void;
}

const SHOWN = 12;
const RENEW_MS = 30_000;

/** One person's sitting: an item on the bench, and what they said of the ones before. */
export function useBench(desk: Desk, queue: string): Bench {
  const [item, setItem] = useState<Item | null>();
  const [words, setWords] = useState<Word[]>([]);
  const [busy, setBusy] = useState(true);
  const [trouble, setTrouble] = useState<Error | null>(null);
  const watch = useStopwatch(item?.decision_id);
  const queries = useQueryClient();

  const act = useCallback(
    async (deed: () => Promise<Item | null>) => {
      setBusy(true);
      try {
        setItem(await deed());
        setTrouble(null);
      } catch (error) {
        setTrouble(error as Error);
        // Somebody else was quicker, or it is gone: there is a next one.
        if (error instanceof Problem && [404, 409].includes(error.status)) {
          setItem(await desk.next().catch(() => null));
        }
      } finally {
        setBusy(false);
        void queries.invalidateQueries({ queryKey: ["labels", queue] });
      }
    },
    [desk, queries, queue],
  );

  useEffect(() => {
    void act(desk.next);
  }, [act, desk]);

  const shown = item?.decision_id;
  useEffect(() => {
    if (!shown) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") desk.renew(shown).catch(setTrouble);
    }, RENEW_MS);
    return () => clearInterval(timer);
  }, [desk, shown]);

  const say = (label: string | null, tell: (id: string) => Promise<unknown>) => {
    if (!item || busy) return;
    void act(async () => {
      await tell(item.decision_id);
      setWords((old) => [{ decisionId: item.decision_id, label }, ...old].slice(0, SHOWN));
      return desk.next();
    });
  };
  return {
    item,
    words,
    busy,
    trouble,
    judge: (label, comment) =>
      say(label, (id) => desk.judge(id, { label, comment, spent_s: watch() })),
    skip: (comment) => say(null, (id) => desk.skip(id, comment)),
    undo: () => {
      const [last] = words;
      if (!last || busy) return;
      void act(async () => {
        const again = await desk.undo(last.decisionId);
        setWords((old) => old.slice(1));
        return again;
      });
    },
  };
}

/** Seconds that something has been in view; what the page spends hidden doesn't count. */
function useStopwatch(what: string | undefined): () => number {
  const since = useRef(0);
  const counted = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another item sets it to zero
  useEffect(() => {
    since.current = performance.now();
    counted.current = 0;
    const turn = () => {
      if (document.visibilityState === "hidden") {
        counted.current += performance.now() - since.current;
      }
      since.current = performance.now();
    };
    document.addEventListener("visibilitychange", turn);
    return () => document.removeEventListener("visibilitychange", turn);
  }, [what]);
  return () => (counted.current + performance.now() - since.current) / 1000;
}
