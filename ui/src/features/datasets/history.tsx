import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { agoColumn } from "@/design/columns";
import { formatCount } from "@/design/format";
import { Older } from "@/design/older";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Change } from "./change";
import styles from "./history.module.css";
import { datasetVersionsQuery } from "./queries";
import { bare } from "./surroundings";

type Version = Schemas["DatasetVersion"];

const FIRST = 14;
const NONE: Version[] = [];

const COLUMNS: Column<Version>[] = [
  {
    id: "number",
    header: "Version",
    value: (one) => one.number,
    show: (one) => (
      <span className={styles.version}>
        <RefLink ref_={one.ref} />
        {one.tags.map((tag) => (
          <span key={tag} className={styles.tag}>
            {tag}
          </span>
        ))}
      </span>
    ),
  },
  {
    id: "rows",
    header: "Rows",
    value: (one) => one.rows,
    show: (one) => formatCount(one.rows),
    align: "right",
  },
  {
    id: "added",
    header: "By",
    value: (one) => one.mode,
    show: (one) => (
      <span className={styles.mode}>
        {one.mode} <Change version={one} />
      </span>
    ),
    wide: true,
  },
  {
    id: "state",
    header: "Content",
    value: (one) => one.revision + one.quarantined,
    show: contentOf,
  },
  {
    id: "compare",
    header: "",
    value: () => "",
    show: compareLink,
    align: "right",
    wide: true,
  },
  agoColumn("Committed", (one) => one.created_at),
];

function contentOf(version: Version) {
  if (version.state === "collected") return <State state="collected" tone="idle" />;
  if (version.revision > 1) {
    return (
      <State state="revised" tone="warn" label={`erased from, revision ${version.revision}`} />
    );
  }
  if (version.quarantined > 0) {
    return (
      <State state="aside" tone="warn" label={`${formatCount(version.quarantined)} set aside`} />
    );
  }
  if (version.warnings > 0) return <State state="warned" tone="warn" />;
  return <State state="original" tone="idle" />;
}

function compareLink(version: Version) {
  if (version.number < 2 || version.state === "collected") return null;
  const after = bare(version.ref);
  const line = after.slice(0, after.lastIndexOf("@"));
  return (
    <Link
      to="/datasets/$name/diff"
      params={{ name: line.split("~")[0] ?? line }}
      search={{ before: `${line}@${version.number - 1}`, after }}
      className={styles.compare}
    >
      what changed
    </Link>
  );
}

/** The versions of one line, newest first, a page at a time. */
export function History({ name }: { name: string }) {
  const query = useInfiniteQuery(datasetVersionsQuery(name));
  return (
    <Panel title="Versions" flush>
      <Table
        rows={query.data?.pages.flat() ?? NONE}
        columns={COLUMNS}
        first={FIRST}
        to={(one) => `/datasets/${name}/${one.number}`}
      />
      <Older query={query}>Older versions</Older>
    </Panel>
  );
}
