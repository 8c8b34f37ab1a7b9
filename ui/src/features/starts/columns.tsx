import type { Schemas } from "@/api/client";
import { formatMinute } from "@/design/format";
import { Reason } from "@/design/reason";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import type { Column } from "@/design/table";
import { Ago, EventTime } from "@/design/time";
import { Answers } from "./answers";
import { Progress } from "./progress";
import styles from "./starts.module.css";
import { formatEvery, overOf } from "./windows";

type Schedule = Schemas["RunSchedule"];
type Trigger = Schemas["RunTrigger"];
type Backfill = Schemas["BackfillSummary"];
type Wanted = Schemas["WantedRun"];

/** A name without its project's, which stands below. */
const nameColumn = (header: string): Column<Schedule | Trigger> => ({
  id: "name",
  header,
  value: (one) => one.name,
  show: (one) => (
    <>
      <span className={styles.name}>{one.name.slice(one.name.indexOf(".") + 1)}</span>
      <span className={styles.under}>{one.project}</span>
    </>
  ),
});

const LATELY: Column<Schedule | Trigger> = {
  id: "answers",
  header: "Lately",
  value: (one) => one.answers[0]?.verdict ?? "",
  show: (one) => <Answers answers={one.answers} />,
  wide: true,
};

const STATE: Column<Schedule | Trigger> = {
  id: "state",
  header: "State",
  value: (one) => one.state,
  show: (one) => <State state={one.state} tone={one.state === "paused" ? "warn" : "good"} />,
  align: "right",
};

export const SCHEDULE_COLUMNS: Column<Schedule>[] = [
  nameColumn("Schedule"),
  { id: "pipeline", header: "Runs", value: (one) => one.pipeline },
  {
    id: "cron",
    header: "When",
    value: (one) => one.cron,
    show: (one) => (
      <>
        <span className={styles.cron}>{one.cron}</span>
        <span className={styles.under}>{one.tz}</span>
      </>
    ),
  },
  {
    id: "next",
    header: "Next",
    value: (one) => (one.state === "paused" ? "" : (one.coming[0] ?? "")),
    show: (one) =>
      one.state === "paused" ? (
        <span className={styles.quiet}>when it is resumed</span>
      ) : (
        <span title={one.coming.map(formatMinute).join("\n")}>
          <EventTime at={one.coming[0]} />
        </span>
      ),
  },
  {
    id: "missed",
    header: "Missed ones",
    value: (one) => Number(one.catch_up),
    show: (one) => (one.catch_up ? "are caught up" : "are skipped"),
    wide: true,
  },
  LATELY,
  STATE,
];

export const TRIGGER_COLUMNS: Column<Trigger>[] = [
  nameColumn("Trigger"),
  {
    id: "pipeline",
    header: "Runs",
    value: (one) => one.pipeline,
    show: (one) => one.pipeline || <span className={styles.quiet}>what made the model</span>,
  },
  { id: "on", header: "When", value: (one) => `${one.kind} ${one.on}`, show: awaited },
  {
    id: "cooldown",
    header: "Then rests",
    value: (one) => one.cooldown ?? "",
    show: (one) => one.cooldown ?? "–",
    wide: true,
  },
  {
    id: "started",
    header: "Last start",
    value: (one) => one.started ?? "",
    show: (one) => <EventTime at={one.started} />,
    wide: true,
  },
  LATELY,
  STATE,
];

function awaited(one: Trigger) {
  if (one.kind === "dataset") {
    return (
      <>
        a new version of <RefLink ref_={`dataset:${one.on}`} />
        {one.waiting && <span className={styles.under}>a version waits for a run to end</span>}
      </>
    );
  }
  if (one.kind === "alert") return <>an alarm: {one.on}</>;
  return (
    <>
      <span className={styles.cron}>{one.on}</span>
      <span className={styles.under}>{one.source ? `from ${one.source}` : "from anywhere"}</span>
    </>
  );
}

export const BACKFILL_COLUMNS: Column<Backfill>[] = [
  {
    id: "name",
    header: "Backfill",
    value: (one) => one.name,
    show: (one) => (
      <>
        <span className={styles.name}>{one.name}</span>
        <span className={styles.under}>
          every {formatEvery(one.every_s)}, {one.parallel} at a time
        </span>
      </>
    ),
  },
  {
    id: "since",
    header: "From",
    value: (one) => one.since,
    show: (one) => <EventTime at={one.since} />,
    wide: true,
  },
  {
    id: "until",
    header: "To",
    value: (one) => one.until,
    show: (one) => <EventTime at={one.until} />,
    wide: true,
  },
  {
    id: "progress",
    header: "Windows",
    value: (one) => overOf(one.counts) / one.windows,
    show: (one) => (
      <>
        <Progress counts={one.counts} />
        <span className={styles.under}>
          {overOf(one.counts)} of {one.windows}
        </span>
      </>
    ),
  },
  {
    id: "phase",
    header: "State",
    value: (one) => one.phase,
    show: (one) => <State state={one.phase} />,
    align: "right",
  },
];

export const WANTED_COLUMNS: Column<Wanted>[] = [
  {
    id: "pipeline",
    header: "Pipeline",
    value: (one) => one.pipeline,
    show: (one) => (
      <>
        <span className={styles.name}>{one.pipeline}</span>
        <span className={styles.under}>{one.project}</span>
      </>
    ),
  },
  {
    id: "reason",
    header: "Because of",
    value: (one) => one.reason,
    show: (one) => <Reason reason={one.reason} />,
  },
  {
    id: "at",
    header: "Planned for",
    value: (one) => one.at ?? "",
    show: (one) => (one.at ? <EventTime at={one.at} /> : "when it begins"),
    wide: true,
  },
  {
    id: "blocker",
    header: "Waits for",
    value: (one) => one.blocker,
    show: (one) => one.blocker || (one.phase === "new" ? "a worker" : "–"),
  },
  {
    id: "asked",
    header: "Asked",
    value: (one) => one.asked_at,
    show: (one) => <Ago at={one.asked_at} />,
    wide: true,
  },
  {
    id: "phase",
    header: "State",
    value: (one) => one.phase,
    show: (one) => (
      <State
        state={one.phase}
        tone={one.phase === "new" ? "idle" : undefined}
        label={one.phase === "new" ? "waits" : undefined}
      />
    ),
    align: "right",
  },
];
