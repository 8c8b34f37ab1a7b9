import styles from "./label-buttons.module.css";

interface LabelButtonsProps {
  labels: readonly { name: string }[];
  /** The place that the keys j and k have come to. */
  place: number;
  /** What was said before, if anything. */
  before?: string | null;
  disabled?: boolean;
  onChoose: (label: string) => void;
}

/** The answers, each with its key. */
export function LabelButtons({ labels, place, before, disabled, onChoose }: LabelButtonsProps) {
  return (
    <fieldset className={styles.labels} aria-label="Labels">
      {labels.map((label, at) => (
        <button
          key={label.name}
          type="button"
          className={styles.label}
          data-at={at === place || undefined}
          data-before={label.name === before || undefined}
          disabled={disabled}
          aria-keyshortcuts={at < 9 ? String(at + 1) : undefined}
          onClick={() => onChoose(label.name)}
        >
          {at < 9 && <kbd>{at + 1}</kbd>}
          <span>{label.name}</span>
          {label.name === before && <small>said before</small>}
        </button>
      ))}
    </fieldset>
  );
}
