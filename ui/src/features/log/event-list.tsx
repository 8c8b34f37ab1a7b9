import type { Schemas } from "@/api/client";
import { RefLink } from "@/design/ref-link";
import { Ago } from "@/design/time";
import styles from "./event-list.module.css";
import { explain } from "./explain";

/** The log as sentences, newest first. */
export function EventList({ events }: { events: Schemas["LogEvent"][] }) {
  return (
    <ol className={styles.list}>
      {events.map((event) => (
        <li key={event.seq} data-noun={event.type.split(".")[0]}>
          <span className={styles.mark} aria-hidden="true" />
          <span className={styles.words}>
            {explain(event)} <Subject subject={event.subject} />
            {typeof event.payload.parent === "string" && (
              <>
                {" "}
                to <Subject subject={event.payload.parent} />
              </>
            )}
          </span>
          <span className={styles.at}>
            <Ago at={event.at} />
          </span>
        </li>
      ))}
    </ol>
  );
}

/** A subject is a link where it names something with a page. */
export function Subject({ subject }: { subject: string }) {
  return /^[a-z_]+:/.test(subject) ? <RefLink ref_={subject} /> : <code>{subject}</code>;
}
