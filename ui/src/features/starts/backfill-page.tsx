import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { CommandButton } from "@/design/command-button";
import { Figure, Figures } from "@/design/facts";
import { formatDay, formatMinute, humanize, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { toneOf } from "@/design/tone";
import { backfillQuery } from "./queries";
import styles from "./starts.module.css";
import { formatEvery, overOf, partsOf } from "./windows";

type Backfill = Schemas["BackfillDetail"];
type Window = Schemas["BackfillWindow"];

const TROUBLE: Column<Window>[] = [
  {
    id: "since",
    header: "Window",
    value: (one) => one.since,
    show: (one) => `${formatMinute(one.since)} to ${formatMinute(one.until)}`,
  },
  {
    id: "phase",
    header: "State",
    value: (one) => one.phase,
    show: (one) => <State state={one.phase} />,
  },
  { id: "error", header: "Why", value: (one) => one.error ?? "" },
];

/** One backfill: its windows as squares, and those that went wrong. */
export function BackfillPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(backfillQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/schedules", label: "Schedules" }}
      lead={query.data && <Lead backfill={query.data} />}
      aside={query.data && <Deeds backfill={query.data} />}
    >
      <Loaded query={query}>{(backfill) => <Body backfill={backfill} />}</Loaded>
    </Page>
  );
}

function Lead({ backfill }: { backfill: Backfill }) {
  return (
    <>
      <State state={backfill.phase} />
      <span>
        {backfill.pipeline} of {backfill.project}, once for every {formatEvery(backfill.every_s)}{" "}
        from {formatDay(backfill.since)} to {formatDay(backfill.until)}
      </span>
    </>
  );
}

function Deeds({ backfill }: { backfill: Backfill }) {
  const { name, phase } = backfill;
  if (phase === "new" || phase === "running") {
    return <CommandButton label="Cancel" command={`towpath backfill cancel ${name}`} />;
  }
  if (phase === "done") return null;
  return <CommandButton label="Retry" command={`towpath backfill retry ${name}`} />;
}

function Body({ backfill }: { backfill: Backfill }) {
  const wrong = backfill.started.filter((one) => one.error || one.phase === "failed");
  return (
    <>
      <Figures>
        <Figure
          label="Over"
          value={overOf(backfill.counts)}
          note={`of ${plural(backfill.windows, "window")}`}
        />
        <Figure label="Under way" value={backfill.counts.running ?? 0} />
        <Figure label="Failed" value={backfill.counts.failed ?? 0} />
        <Figure label="At a time" value={backfill.parallel} />
      </Figures>
      <Panel title="Windows" note="In order of event time. A square leads to its run.">
        <Squares backfill={backfill} />
      </Panel>
      {wrong.length > 0 && (
        <Panel title="What failed" flush>
          <Table
            rows={wrong}
            columns={TROUBLE}
            to={(one) => (one.run ? `/runs/${one.run}` : `/backfills/${backfill.name}`)}
          />
        </Panel>
      )}
    </>
  );
}

function Squares({ backfill }: { backfill: Backfill }) {
  const since = Date.parse(backfill.since);
  const step = backfill.every_s * 1000;
  const started = new Map(backfill.started.map((one) => [Date.parse(one.since), one]));
  return (
    <>
      <div className={styles.windows}>
        {Array.from({ length: backfill.windows }, (_, place) => {
          const at = since + place * step;
          return <Square key={at} at={at} window={started.get(at)} />;
        })}
      </div>
      <div className={styles.ends}>
        <span>{formatDay(backfill.since)}</span>
        <span>{formatDay(backfill.until)}</span>
      </div>
      <p className={styles.legend}>
        {partsOf(backfill.counts).map(({ phase, count, tone }) => (
          <span key={phase}>
            <i className={styles.cell} data-tone={tone} /> {count} {humanize(phase)}
          </span>
        ))}
      </p>
    </>
  );
}

function Square({ at, window }: { at: number; window?: Window }) {
  const phase = window?.phase ?? "pending";
  const looks = {
    className: styles.cell,
    "data-tone": toneOf(phase),
    "data-phase": phase,
    "aria-label": `${formatDay(at)}: ${phase}`,
  };
  return (
    <Tooltip label={`${formatMinute(at)}: ${window?.error ?? phase}`} openDelay={100}>
      {window?.run ? (
        <Link to={`/runs/${window.run}`} {...looks} />
      ) : (
        <span role="img" {...looks} />
      )}
    </Tooltip>
  );
}
