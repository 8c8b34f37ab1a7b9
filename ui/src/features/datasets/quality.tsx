import type { Schemas } from "@/api/client";
import { formatCount, formatNumber, formatShare } from "@/design/format";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import type { Tone } from "@/design/tone";
import styles from "./quality.module.css";

type Report = Schemas["CheckReport"];
type Finding = Schemas["RuleFinding"];

const TONES: Record<string, Tone> = {
  kept: "good",
  tolerated: "idle",
  warned: "warn",
  quarantined: "warn",
  refused: "bad",
};
const SAMPLES = 3;

/** How the rows of a commit did under the data set's rules. */
export function Quality({ report }: { report: Report }) {
  return (
    <Panel
      title="Rules"
      note={
        report.quarantined > 0 && report.quarantine ? (
          <>
            {formatCount(report.quarantined)} of {formatCount(report.rows)} rows were set aside in{" "}
            <RefLink ref_={report.quarantine} />
          </>
        ) : (
          `${formatCount(report.rows)} rows judged as they were committed`
        )
      }
    >
      <ul className={styles.rules}>
        {report.rules.map((rule) => (
          <Rule key={`${rule.name}:${rule.columns.join()}`} rule={rule} />
        ))}
      </ul>
    </Panel>
  );
}

function Rule({ rule }: { rule: Finding }) {
  const share = rule.checked ? rule.broken / rule.checked : 0;
  return (
    <li className={styles.rule}>
      <div className={styles.head}>
        <span className={styles.name}>{rule.name}</span>
        <State state={rule.outcome} tone={TONES[rule.outcome] ?? "idle"} />
      </div>
      <div className={styles.track}>
        <span
          className={styles.fill}
          data-tone={TONES[rule.outcome]}
          style={{ width: `${Math.max(share * 100, rule.broken > 0 ? 0.8 : 0)}%` }}
        />
        {rule.tolerance > 0 && (
          <span className={styles.tolerance} style={{ left: `${rule.tolerance * 100}%` }} />
        )}
      </div>
      <p className={styles.words}>
        {rule.value != null && rule.broken === 0 && <>measured {formatNumber(rule.value)}</>}
        {rule.value == null && (
          <>
            {formatCount(rule.broken)} of {formatCount(rule.checked)} break it
            {rule.broken > 0 && ` (${formatShare(share)})`}
            {rule.tolerance > 0 && `, ${formatShare(rule.tolerance)} may`}
          </>
        )}
        {rule.words && <>: {rule.words}</>}
      </p>
      {rule.sample.length > 0 && (
        <p className={styles.sample}>
          {rule.sample.slice(0, SAMPLES).map((row) => (
            <code key={row.row}>{keyOf(row)}</code>
          ))}
          {rule.broken > SAMPLES && <span>and {formatCount(rule.broken - SAMPLES)} more</span>}
        </p>
      )}
    </li>
  );
}

function keyOf(row: Schemas["RuleSample"]): string {
  const values = Object.values(row.key);
  return values.length ? values.map(String).join(" · ") : `row ${formatCount(row.row)}`;
}
