import { formatShare } from "@/design/format";
import styles from "./searches.module.css";

/** What decided how good a trial was, as shares, largest first. */
export function Importances({ shares }: { shares: Record<string, number> }) {
  const entries = Object.entries(shares);
  const most = Math.max(...entries.map(([, share]) => share), 0.01);
  return (
    <ul className={styles.shares}>
      {entries.map(([name, share]) => (
        <li key={name}>
          <code>{name}</code>
          <span className={styles.track}>
            <i style={{ width: `${(share / most) * 100}%` }} />
          </span>
          <span className={styles.share}>{formatShare(share)}</span>
        </li>
      ))}
    </ul>
  );
}
