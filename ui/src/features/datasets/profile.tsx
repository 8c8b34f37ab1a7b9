import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Bars } from "@/charts/bars";
import { formatCount, formatNumber, formatShare } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Panel } from "@/design/panel";
import styles from "./profile.module.css";
import { profileQuery } from "./queries";

type Column = Schemas["ColumnProfile"];

/** How each column's values are spread in one version. */
export function Profile({ name, number }: { name: string; number: number }) {
  return (
    <Loaded query={useQuery(profileQuery(name, number))}>
      {(profile) => (
        <Panel
          title={`Profile of ${name}@${number}`}
          note="Counted at commit. Drift is measured against counts like these."
        >
          <div className={styles.columns}>
            {profile.columns.map((column) => (
              <ColumnCard key={column.name} column={column} rows={profile.rows} />
            ))}
          </div>
        </Panel>
      )}
    </Loaded>
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
      <Bars column={column} />
      <footer>
        {column.nulls > 0 && <span>{formatShare(column.nulls / Math.max(rows, 1))} missing</span>}
        {column.distinct != null && <span>{formatCount(column.distinct)} different</span>}
        {column.kind === "number" && <span>mean {formatNumber(column.mean)}</span>}
        {column.kind === "number" && column.quantiles["50%"] !== undefined && (
          <span>median {formatNumber(column.quantiles["50%"])}</span>
        )}
      </footer>
    </article>
  );
}
