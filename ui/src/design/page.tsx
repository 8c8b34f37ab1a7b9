import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import styles from "./page.module.css";

interface PageProps {
  title: string;
  /** The list that this page is one of. */
  within?: { to: string; label: string };
  lead?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}

/** A page's frame: where it belongs, what it is, and its panels one below the other. */
export function Page({ title, within, lead, aside, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Towpath`;
  }, [title]);
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.words}>
          {within && (
            <Link to={within.to} className={styles.within}>
              {within.label}
            </Link>
          )}
          <h1 className={styles.title}>{title}</h1>
          {lead && <div className={styles.lead}>{lead}</div>}
        </div>
        {aside && <div className={styles.aside}>{aside}</div>}
      </header>
      {children}
    </div>
  );
}

/** Panels side by side where there is room; `wide` gives the first one twice the width. */
export function Columns({ wide, children }: { wide?: boolean; children: ReactNode }) {
  return <div className={wide ? styles.wide : styles.columns}>{children}</div>;
}
