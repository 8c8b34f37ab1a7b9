import { RefLink } from "./ref-link";
import styles from "./ref-link.module.css";

/** References, one a line. */
export function RefList({ refs }: { refs: string[] }) {
  return (
    <ul className={styles.list}>
      {refs.map((ref) => (
        <li key={ref}>
          <RefLink ref_={ref} />
        </li>
      ))}
    </ul>
  );
}
