import { useState } from "react";
import type { Schemas } from "@/api/client";
import { formatCount } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { Ago } from "@/design/time";
import styles from "./event-list.module.css";
import { explain } from "./explain";
import { type Fold, folded } from "./folding";

type Event = Schemas["LogEvent"];

/** The log as sentences, newest first; what many entries say alike is said once. */
export function EventList({ events }: { events: Event[] }) {
  if (events.length === 0) return <p className={styles.none}>Nothing has happened yet.</p>;
  return (
    <ol className={styles.list}>
      {folded(events).map((fold) => (
        <Folded key={fold.first.seq} fold={fold} />
      ))}
    </ol>
  );
}

function Folded({ fold: { first, rest } }: { fold: Fold }) {
  const [open, setOpen] = useState(false);
  if (open) return [first, ...rest].map((event) => <Entry key={event.seq} event={event} />);
  return (
    <Entry event={first}>
      {rest.length > 0 && (
        <button type="button" className={styles.rest} onClick={() => setOpen(true)}>
          and {formatCount(rest.length)} more
        </button>
      )}
    </Entry>
  );
}

function Entry({ event, children }: { event: Event; children?: React.ReactNode }) {
  return (
    <li data-noun={event.type.split(".")[0]}>
      <span className={styles.mark} aria-hidden="true" />
      <span className={styles.words}>
        {explain(event)} <Subject subject={event.subject} />
        {typeof event.payload.parent === "string" && event.payload.parent.includes(":") && (
          <>
            {" "}
            to <Subject subject={event.payload.parent} />
          </>
        )}{" "}
        {children}
      </span>
      <span className={styles.at}>
        <Ago at={event.at} />
      </span>
    </li>
  );
}

/** A subject is a link where it names something with a page. */
export function Subject({ subject }: { subject: string }) {
  return /^[a-z_]+:/.test(subject) ? <RefLink ref_={subject} /> : <code>{subject}</code>;
}
