import { Modal } from "@mantine/core";
import styles from "./shortcuts.module.css";

export type Shortcut = readonly [keys: string, deed: string];

export const JUDGING: readonly Shortcut[] = [
  ["1 – 9", "give that label"],
  ["j, k", "to the next label, to the one before"],
  ["Enter", "give the label that is marked"],
  ["s", "skip: I can't tell"],
  ["u", "undo the last answer"],
  ["c", "comment; Esc leads back"],
  ["?", "this list"],
];

export const ADJUDICATING: readonly Shortcut[] = [
  ["1 – 9", "decide for that label"],
  ["x", "no label: it can't be told"],
  ["j, k", "to the next dispute, to the one before"],
  ["u", "undo the last decision"],
  ["c", "comment; Esc leads back"],
  ["?", "this list"],
];

interface ShortcutsProps {
  shortcuts: readonly Shortcut[];
  opened: boolean;
  onClose: () => void;
}

/** The keys that work here. */
export function Shortcuts({ shortcuts, opened, onClose }: ShortcutsProps) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="sm" centered>
      <dl className={styles.keys}>
        {shortcuts.map(([keys, deed]) => (
          <div key={keys}>
            <dt>
              {keys
                .split(/( – |, )/)
                .map((part, place) => (place % 2 ? part : <kbd key={part}>{part}</kbd>))}
            </dt>
            <dd>{deed}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
