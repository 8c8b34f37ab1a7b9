import type { Schemas } from "@/api/client";
import { agoColumn } from "@/design/columns";
import { formatMemory, formatNumber } from "@/design/format";
import { formatMoney } from "@/design/money";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import type { Column } from "@/design/table";
import { EventTime } from "@/design/time";
import { piecesOf } from "./blocker";
import styles from "./spend.module.css";

type Attempt = Schemas["PermitView"];

export const attemptColumns = (currency: string): Column<Attempt>[] => [
  {
    id: "step",
    header: "Step",
    value: (one) => one.step,
    show: (one) => (
      <>
        <RefLink ref_={`run:${one.run}`}>{one.step}</RefLink>
        <span className={styles.stack}>
          {one.pipeline} of {one.project}
          {one.queue && `, in ${one.queue}`}
          {one.attempt > 1 && `, attempt ${one.attempt}`}
        </span>
      </>
    ),
  },
  {
    id: "state",
    header: "State",
    value: (one) => one.state,
    show: (one) => (
      <State
        state={one.state}
        tone={one.state === "running" ? "active" : "idle"}
        label={one.wanted_by ? "makes room" : one.state}
      />
    ),
  },
  {
    id: "blocker",
    header: "Waits for",
    value: (one) => one.blocker,
    show: (one) =>
      one.blocker ? <Blocker attempt={one} /> : <span className={styles.quiet}>–</span>,
    wide: true,
  },
  {
    id: "size",
    header: "Takes",
    value: (one) => one.cpus,
    show: (one) => <span style={{ whiteSpace: "nowrap" }}>{sizeOf(one)}</span>,
    wide: true,
  },
  { id: "priority", header: "Priority", value: (one) => one.priority, align: "right", wide: true },
  {
    id: "worst",
    header: "At most",
    value: (one) => one.worst_micros,
    show: (one) => formatMoney(one.worst_micros, currency),
    align: "right",
  },
  agoColumn("Since", (one) => one.granted_at ?? one.asked_at),
];

const sizeOf = (one: Attempt): string =>
  [
    several(one.cpus, "cpu"),
    one.gpus > 0 && several(one.gpus, "gpu"),
    one.memory_bytes && formatMemory(one.memory_bytes),
  ]
    .filter(Boolean)
    .join(", ");

/** Cores come in halves. */
const several = (value: number, one: string): string =>
  `${formatNumber(value)} ${value === 1 ? one : `${one}s`}`;

/** What an attempt waits for, with links to the runs that hold it. */
export function Blocker({ attempt }: { attempt: Attempt }) {
  return (
    <span className={styles.blocker}>
      {piecesOf(attempt.blocker).map((piece) =>
        "run" in piece ? (
          <RefLink key={piece.run} ref_={`run:${piece.run}`} />
        ) : (
          <span key={piece.text}>{piece.text}</span>
        ),
      )}
      {attempt.resumes_at && (
        <span className={styles.stack}>
          not before <EventTime at={attempt.resumes_at} />
        </span>
      )}
    </span>
  );
}
