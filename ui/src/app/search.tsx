import { Modal, TextInput } from "@mantine/core";
import { useDebouncedValue, useDisclosure, useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useState } from "react";
import type { Schemas } from "@/api/client";
import { SearchIcon } from "@/design/icons";
import { lineageOf, pathOf } from "@/design/ref-link";
import { searchQuery } from "@/features/overview/queries";
import styles from "./search.module.css";

/** Paste a decision's id, a run's or a piece of a name; Enter goes there. */
export function Search() {
  const [open, { open: show, close }] = useDisclosure(false);
  useHotkeys([["mod+K", show]]);
  return (
    <>
      <button type="button" className={styles.opener} onClick={show}>
        <SearchIcon size={15} />
        <span>Find a model, run or decision</span>
        <kbd>Ctrl K</kbd>
      </button>
      <Modal
        opened={open}
        onClose={close}
        withCloseButton={false}
        padding={0}
        size="lg"
        yOffset="12vh"
      >
        <Finder onDone={close} />
      </Modal>
    </>
  );
}

function Finder({ onDone }: { onDone: () => void }) {
  const [text, setText] = useState("");
  const [place, setPlace] = useState(0);
  const [wanted] = useDebouncedValue(text.trim(), 120);
  const hits = useQuery(searchQuery(wanted)).data ?? [];
  const navigate = useNavigate();

  const follow = (hit: Schemas["Hit"] | undefined) => {
    if (!hit) return;
    const href = hit.kind === "decision" ? lineageOf(hit.ref) : pathOf(hit.ref);
    void navigate({ href });
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") follow(hits[place]);
    if (event.key === "ArrowDown") setPlace((old) => Math.min(old + 1, hits.length - 1));
    if (event.key === "ArrowUp") setPlace((old) => Math.max(old - 1, 0));
  };

  return (
    <div className={styles.finder}>
      <TextInput
        data-autofocus
        size="md"
        variant="unstyled"
        aria-label="Find"
        placeholder="late@3, a run, or a decision’s id"
        leftSection={<SearchIcon size={17} />}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setPlace(0);
        }}
        onKeyDown={onKeyDown}
      />
      {wanted.length > 1 && (
        <ul className={styles.hits}>
          {hits.map((hit, at) => (
            <li key={hit.ref}>
              <button
                type="button"
                data-chosen={at === place || undefined}
                onClick={() => follow(hit)}
              >
                <span className={styles.kind}>{hit.kind}</span>
                <span className={styles.title}>{hit.title}</span>
                <span className={styles.detail}>{hit.detail}</span>
              </button>
            </li>
          ))}
          {hits.length === 0 && <li className={styles.none}>Nothing goes by that name.</li>}
        </ul>
      )}
    </div>
  );
}
