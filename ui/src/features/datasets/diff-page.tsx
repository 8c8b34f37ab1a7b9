import { Loader, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Figure, Figures } from "@/design/facts";
import { formatCount, formatNumber, formatShare } from "@/design/format";
import { Loaded, Trouble } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import styles from "./diff.module.css";
import { datasetQuery, diffQuery } from "./queries";
import { bare } from "./surroundings";

type Dataset = Schemas["DatasetDetail"];
type Diff = Schemas["DatasetDiff"];
type Shift = Schemas["ColumnShift"];

/** From here on people look twice at a distribution: the customary bars of the index. */
const MOVED = 0.1;
const FAR = 0.25;

const SHIFTS: Column<Shift>[] = [
  {
    id: "column",
    header: "Column",
    value: (one) => one.column,
    show: (one) => <code>{one.column}</code>,
  },
  {
    id: "psi",
    header: "Stability index",
    value: (one) => one.psi ?? null,
    show: (one) => <Index value={one.psi} />,
  },
  {
    id: "js",
    header: "Jensen–Shannon",
    value: (one) => one.js ?? null,
    show: (one) => formatNumber(one.js),
    align: "right",
  },
  {
    id: "ks",
    header: "Kolmogorov–Smirnov",
    value: (one) => one.ks ?? null,
    show: (one) => formatNumber(one.ks),
    align: "right",
    wide: true,
  },
  {
    id: "wasserstein",
    header: "Wasserstein, in sd",
    value: (one) => one.wasserstein_sd ?? null,
    show: (one) => formatNumber(one.wasserstein_sd),
    align: "right",
    wide: true,
  },
  {
    id: "nulls",
    header: "Missing",
    value: (one) => one.nulls ?? null,
    show: (one) => signed(one.nulls),
    align: "right",
    wide: true,
  },
];

/** Two versions beside each other: columns, rows by key, distributions. */
export function DiffPage() {
  const { name = "" } = useParams({ strict: false });
  const search = useSearch({ strict: false }) as { before?: string; after?: string };
  const dataset = useQuery(datasetQuery(name));
  return (
    <Page
      title="What changed"
      within={{ to: `/datasets/${name}`, label: name }}
      lead="Rows are told apart by key. Counts only: no value of a row is shown."
    >
      <Loaded query={dataset}>
        {(found) => <Compared dataset={found} before={search.before} after={search.after} />}
      </Loaded>
    </Page>
  );
}

function Compared(props: { dataset: Dataset; before?: string; after?: string }) {
  const { dataset } = props;
  const choices = choicesOf(dataset);
  const after = props.after ?? choices[0]?.value ?? "";
  const before = props.before ?? choices.find((one) => one.value !== after)?.value ?? "";
  const diff = useQuery(diffQuery(dataset.name, before, after));
  const navigate = useNavigate();
  const go = (change: { before?: string; after?: string }) =>
    void navigate({
      to: "/datasets/$name/diff",
      params: { name: dataset.name },
      search: { before, after, ...change },
      replace: true,
    });
  return (
    <>
      <Panel>
        <div className={styles.choice}>
          <NativeSelect
            label="Before"
            data={withChosen(choices, before)}
            value={before}
            onChange={(event) => go({ before: event.currentTarget.value })}
          />
          <span className={styles.arrow}>→</span>
          <NativeSelect
            label="After"
            data={withChosen(choices, after)}
            value={after}
            onChange={(event) => go({ after: event.currentTarget.value })}
          />
        </div>
      </Panel>
      {before === after && (
        <Panel>
          <Empty title="Choose two versions" />
        </Panel>
      )}
      {diff.error && <Trouble error={diff.error} />}
      {diff.isFetching && (
        <div className={styles.waiting} aria-busy="true">
          <Loader size="sm" color="var(--forward)" /> comparing…
        </div>
      )}
      {diff.data && <Found diff={diff.data} />}
    </>
  );
}

function Found({ diff }: { diff: Diff }) {
  const { rows } = diff;
  const moved = diff.shifts.filter((one) => (one.js ?? 0) > 0 || (one.nulls ?? 0) !== 0);
  return (
    <>
      {rows ? (
        <Figures>
          <Figure label="Rows added" value={rows.added ? `+${formatCount(rows.added)}` : 0} />
          <Figure label="Rows removed" value={rows.removed ? `−${formatCount(rows.removed)}` : 0} />
          <Figure label="Rows changed" value={formatCount(rows.changed)} />
          <Figure label="Rows the same" value={formatCount(rows.unchanged)} />
          <Figure
            label="Files shared"
            value={formatCount(rows.files_shared)}
            note={`${formatCount(rows.files_compared)} compared`}
          />
        </Figures>
      ) : (
        <Panel>
          <Empty title="The two are keyed otherwise, so their rows can't be told apart" />
        </Panel>
      )}
      <Columns>
        <Panel title="Columns">
          {diff.columns.length === 0 ? (
            <p className={styles.none}>Both have the same columns.</p>
          ) : (
            <ul className={styles.columns}>
              {diff.columns.map((one) => (
                <li key={one.name}>
                  <code>{one.name}</code>
                  <span>
                    {one.before ?? "not there"} → {one.after ?? "gone"}
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Panel>
        {rows && (
          <Panel title="Where changed rows differ">
            <ChangedColumns columns={rows.columns} changed={rows.changed} />
          </Panel>
        )}
      </Columns>
      <Panel
        title="How far distributions have moved"
        note="Against the earlier version's own bins. Columns that did not move are left out."
        flush={moved.length > 0}
      >
        {moved.length === 0 ? (
          <p className={styles.none}>No column has moved.</p>
        ) : (
          <Table rows={moved} columns={SHIFTS} first={20} />
        )}
      </Panel>
    </>
  );
}

function ChangedColumns({
  columns,
  changed,
}: {
  columns: Record<string, number>;
  changed: number;
}) {
  const found = Object.entries(columns).sort((one, two) => two[1] - one[1]);
  if (found.length === 0) return <p className={styles.none}>No row has changed.</p>;
  return (
    <ul className={styles.bars}>
      {found.map(([name, count]) => (
        <li key={name}>
          <code>{name}</code>
          <span className={styles.track}>
            <span style={{ width: `${(count / Math.max(changed, 1)) * 100}%` }} />
          </span>
          <span className={styles.count}>{formatCount(count)}</span>
        </li>
      ))}
    </ul>
  );
}

function Index({ value }: { value: number | null | undefined }) {
  if (value == null) return <>–</>;
  const tone = value >= FAR ? "bad" : value >= MOVED ? "warn" : "idle";
  return <State state="index" tone={tone} label={formatNumber(value)} />;
}

interface Choice {
  value: string;
  label: string;
}

/** Branch heads and versions that can be read, with their tags; newest first. */
function choicesOf(dataset: Dataset): Choice[] {
  const versions = dataset.history
    .filter((one) => one.state !== "collected")
    .map((one) => ({
      value: bare(one.ref),
      label: `${bare(one.ref)}${one.tags.map((tag) => ` · ${tag}`).join("")} · ${formatCount(one.rows)} rows`,
    }));
  const heads = dataset.lines.map((line) => ({
    value: bare(line.head),
    label: `${bare(line.head)} · branch`,
  }));
  return [...versions, ...heads];
}

function withChosen(choices: Choice[], chosen: string): Choice[] {
  if (!chosen || choices.some((one) => one.value === chosen)) return choices;
  return [{ value: chosen, label: chosen }, ...choices];
}

function signed(share: number | null | undefined): string {
  const size = formatShare(Math.abs(share ?? 0));
  if (share == null || size === "0%") return "–";
  return `${share > 0 ? "+" : "−"}${size}`;
}
