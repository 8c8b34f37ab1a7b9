import type { Schemas } from "@/api/client";
import { formatMemory, formatNumber } from "@/design/format";
import { formatMoney } from "@/design/money";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import type { Column } from "@/design/table";
import { Ago, EventTime } from "@/design/time";
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
      one.blocker ? (
        <span className={styles.blocker}>
          {one.blocker}
          {one.resumes_at && (
            <span className={styles.stack}>
              not before <EventTime at={one.resumes_at} />
            </span>
          )}
        </span>
      ) : (
        <span className={styles.quiet}>–</span>
      ),
    wide: true,
  },
  {
    id: "size",
    header: "Takes",
    value: (one) => one.cpus,
    show: (one) => sizeOf(one),
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
  {
    id: "since",
    header: "Since",
    value: (one) => one.granted_at ?? one.asked_at,
    show: (one) => <Ago at={one.granted_at ?? one.asked_at} />,
    align: "right",
  },
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
