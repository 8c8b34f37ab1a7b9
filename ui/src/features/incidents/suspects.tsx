import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { capitalize, formatCount, formatNumber, formatShare } from "@/design/format";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { type Column, Table } from "@/design/table";
import { Ago, EventTime } from "@/design/time";
import { written } from "@/features/decisions/columns";
import { chanceOf, groupsOf, isShare, KINDS, lengthOf, shortened } from "./standing";
import styles from "./suspects.module.css";

type Triage = Schemas["IncidentTriage"];
type Near = Schemas["NearTrainingRow"];

const NEAR_COLUMNS = 4;

/** What may have caused it: by kind, strongest first, each with the number that says so. */
export function Suspects({ triage }: { triage: Triage | null }) {
  if (!triage) {
    return (
      <Panel title="Suspects">
        <Empty title="Nobody has looked yet">
          A triage compares the time of the wrong answers with training: slices that err more,
          inputs that drifted, training rows that are near, and what changed since the version
          before.
        </Empty>
      </Panel>
    );
  }
  const groups = groupsOf(triage.suspects);
  return (
    <Panel
      title="Suspects"
      note={
        <>
          What {triage.by} found <Ago at={triage.at} />, in decisions from{" "}
          <EventTime at={triage.since} /> to <EventTime at={triage.until} />. A suspect is a lead,
          not a proof.
        </>
      }
    >
      {groups.length === 0 && <p className={styles.says}>Nothing stood out.</p>}
      {groups.map(({ kind, suspects }) => (
        <section key={kind} className={styles.group}>
          <h3 className={styles.kind}>{KINDS[kind]?.title ?? kind}</h3>
          <p className={styles.says}>{KINDS[kind]?.says}</p>
          <ol className={styles.list}>
            {suspects.map((one) => (
              <Lead key={one.name} one={one} length={lengthOf(one, suspects)} />
            ))}
          </ol>
        </section>
      ))}
      {triage.notes.length > 0 && (
        <ul className={styles.notes}>
          {triage.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Lead({ one, length }: { one: Schemas["IncidentSuspect"]; length: number | null }) {
  return (
    <li className={styles.lead}>
      <p className={styles.head}>
        <span className={styles.name}>{shortened(one.name)}</span>
        <span className={styles.number}>
          {isShare(one) ? formatShare(one.value) : formatNumber(one.value)}{" "}
          <span className={styles.unit}>{one.unit}</span>
        </span>
      </p>
      {length !== null && (
        <span className={styles.track} aria-hidden="true">
          <span className={styles.fill} style={{ width: `${length * 100}%` }} />
        </span>
      )}
      <p className={styles.says}>
        {capitalize(shortened(one.summary))}
        {one.p !== null && ` (${chanceOf(one.p)})`}
        {one.refs.map((ref) => (
          <span key={ref}>
            {" "}
            <RefLink ref_={ref} />
          </span>
        ))}
      </p>
    </li>
  );
}

/** Training rows near to the first decision, as they were answered to whoever asked just now. */
export function NearTrainingRows({ near }: { near: Schemas["NearRows"] }) {
  const names = Object.keys(near.rows[0]?.values ?? {}).slice(0, NEAR_COLUMNS);
  const columns: Column<Near>[] = [
    {
      id: "near",
      header: "Near",
      value: (row) => row.nearness,
      show: (row) => row.nearness.toFixed(3),
    },
    {
      id: "outcome",
      header: "Outcome",
      value: (row) => written(row.outcome),
    },
    ...names.map(
      (name, at): Column<Near> => ({
        id: name,
        header: name,
        value: (row) => written(row.values[name]),
        align: "right",
        wide: at > 0,
      }),
    ),
  ];
  return (
    <Panel
      title="Training rows near to the first decision"
      note={
        near.rows.length > 0 && (
          <>
            Of {formatCount(near.rows_read)} rows
            {near.source && (
              <>
                {" "}
                of <RefLink ref_={near.source} />
              </>
            )}
            . Computed for you, and kept nowhere; the log says who asked. {near.note}
          </>
        )
      }
      flush
    >
      {near.rows.length === 0 ? (
        <Empty title="No row to show">{near.missing}</Empty>
      ) : (
        <Table rows={near.rows} columns={columns} />
      )}
    </Panel>
  );
}
