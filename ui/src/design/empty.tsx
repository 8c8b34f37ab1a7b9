import type { ReactNode } from "react";
import styles from "./empty.module.css";

interface EmptyProps {
  title: string;
  command?: string;
  children?: ReactNode;
}

/** What a page says before there is anything on it: what will be here, and how to make it so. */
export function Empty({ title, command, children }: EmptyProps) {
  return (
    <div className={styles.empty}>
      <p className={styles.title}>{title}</p>
      {children && <p className={styles.text}>{children}</p>}
      {command && <code className={styles.command}>{command}</code>}
    </div>
  );
}
