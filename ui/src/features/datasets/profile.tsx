import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Associations } from "@/charts/associations";
import { Bars } from "@/charts/bars";
import { Missing } from "@/charts/missing";
import { formatCount, formatNumber, formatShare, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import styles from "./profile.module.css";
import { profileQuery } from "./queries";

type Column = Schemas["ColumnProfile"];
type Found = Schemas["DatasetProfile"];

const TOGETHER = 0.3;

/** How each column's values are spread in one version, and what goes together. */
export function Profile({ name, number }: { name: string; number: number }) {
  return (
    <Loaded query={useQuery(profileQuery(name, number))}>
      {(profile) => (
        <>
          <Panel
            title={`Profile of ${name}@${number}`}
            note="Counted at commit. Drift is measured against counts like these."
            aside={profile.repeated != null && <Repeated share={profile.repeated} />}
          >
            <div className={styles.columns}>
              {profile.columns.map((column) => (
                <ColumnCard key={column.name} column={column} rows={profile.rows} />
              ))}
            </div>
          </Panel>
          <Together profile={profile} />
        </>
      )}
    </Loaded>
  );
}

function Repeated({ share }: { share: number }) {
  return share > 0 ? (
    <State
      state="repeated"
      tone="warn"
      label={`${formatShare(share)} of the rows repeat another but for the key`}
    />
  ) : (
    <>no row repeats another</>
  );
}

function Together({ profile }: { profile: Found }) {
  const gaps = profile.missing_together.filter((pair) => Math.abs(pair.value) >= TOGETHER);
  return (
    <Columns>
      {profile.associations.length > 0 && (
        <Panel
          title="What goes together"
          note="Rank correlation of numbers, correlation ratio with a category, Cramér's V of two."
        >
          <Associations pairs={profile.associations} />
        </Panel>
      )}
      <Panel title="What is missing">
        <Missing columns={profile.columns} rows={profile.rows} />
        {gaps.map((pair) => (
          <p key={`${pair.one}:${pair.two}`} className={styles.gaps}>
            <code>{pair.one}</code> and <code>{pair.two}</code> are missing{" "}
            {pair.value > 0 ? "in the same rows" : "in each other's place"} (
            {formatNumber(pair.value)})
          </p>
        ))}
      </Panel>
    </Columns>
  );
}

function ColumnCard({ column, rows }: { column: Column; rows: number }) {
  return (
    <article className={styles.column}>
      <header>
        <h3>{column.name}</h3>
        <span className={styles.type}>{column.type}</span>
      </header>
      {column.description && <p className={styles.description}>{column.description}</p>}
      {column.mark ? <Mark mark={column.mark} /> : <Bars column={column} />}
      <footer>
        {column.nulls > 0 && <span>{formatShare(column.nulls / Math.max(rows, 1))} missing</span>}
        {column.distinct != null && <span>{formatCount(column.distinct)} different</span>}
        {column.kind === "number" && column.mean != null && (
          <span>
            mean {formatNumber(column.mean)}
            {column.sd != null && ` ± ${formatNumber(column.sd)}`}
          </span>
        )}
        {column.kind === "number" && column.quantiles["50%"] !== undefined && (
          <span>median {formatNumber(column.quantiles["50%"])}</span>
        )}
        {column.outliers != null && column.outliers > 0 && column.kind === "number" && (
          <span
            className={styles.outliers}
            title={column.fences?.map((bound) => formatNumber(bound)).join(" to ")}
          >
            {plural(column.outliers, "outlier")}
          </span>
        )}
      </footer>
    </article>
  );
}

function Mark({ mark }: { mark: Schemas["PersonalMark"] }) {
  return (
    <div className={styles.mark}>
      <State state="personal" tone="bad" label={`looks like: ${mark.kind}`} />
      <p>
        {formatShare(mark.share)} of {formatCount(mark.sampled)} values
        {mark.inside && ", inside longer texts"}. Nobody declared it: mark the column{" "}
        <code>tp.Personal()</code>, so that nothing of it is counted or shown.
      </p>
    </div>
  );
}
