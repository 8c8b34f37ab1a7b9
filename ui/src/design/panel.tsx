import type { ReactNode } from "react";
import styles from "./panel.module.css";

interface PanelProps {
  title?: ReactNode;
  note?: ReactNode;
  aside?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}

/** One subject on a page. `flush` lets a table or chart reach its edges. */
export function Panel({ title, note, aside, flush, children }: PanelProps) {
  return (
    <section className={styles.panel}>
      {title && (
        <header className={styles.head}>
          <div>
            <h2 className={styles.title}>{title}</h2>
            {note && <p className={styles.note}>{note}</p>}
          </div>
          {aside && <div className={styles.aside}>{aside}</div>}
        </header>
      )}
      <div className={flush ? styles.flush : styles.body}>{children}</div>
    </section>
  );
}
