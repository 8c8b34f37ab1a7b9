import type { ReactNode } from "react";
import type { Icon } from "@/design/icons";
import styles from "./card.module.css";
import { Ends } from "./ends";

interface CardProps {
  icon: Icon;
  title: string;
  detail: ReactNode;
  down: boolean;
  className?: string;
  kind: string;
  tone?: string;
  root?: boolean;
  children?: ReactNode;
}

/** A node of any graph: what it is, what it is called, and where it stands; its border is `--card`. */
export function Card(props: CardProps) {
  const { icon: Icon, title, detail, down, className = "", kind, tone, root, children } = props;
  return (
    <div
      className={`${styles.card} ${className}`}
      data-kind={kind}
      data-tone={tone}
      data-root={root || undefined}
    >
      <Ends down={down}>
        <span className={styles.icon}>
          <Icon size={17} stroke={1.7} />
        </span>
        <span className={styles.words}>
          <span className={styles.title}>{title}</span>
          <span className={styles.detail}>{detail}</span>
          {children}
        </span>
      </Ends>
    </div>
  );
}
