import { Button, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Problem, Schemas } from "@/api/client";
import { Figure, Figures } from "@/design/facts";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { type Column, Table } from "@/design/table";
import { useHandle } from "@/features/labelling/handle";
import { followRows } from "./queries";
import styles from "./rows.module.css";

type Impact = Schemas["RowImpact"];

const count = (value: number | null) => (value === null ? "?" : value.toLocaleString("en"));

const VERSIONS: Column<Schemas["RowsHeldBy"]>[] = [
  {
    id: "ref",
    header: "Version",
    value: (one) => one.ref,
    show: (one) => <RefLink ref_={one.ref} />,
  },
  { id: "rows", header: "Carries", value: (one) => one.rows, align: "right" },
  { id: "changed", header: "Changed", value: (one) => one.changed, align: "right" },
];
const READS: Column<Schemas["RowsReadBy"]>[] = [
  {
    id: "run",
    header: "Read by",
    value: (one) => one.name,
    show: (one) => <RefLink ref_={one.run}>{one.name}</RefLink>,
  },
  { id: "source", header: "From", value: (one) => one.source, wide: true },
  {
    id: "rows",
    header: "Rows",
    value: (one) => one.rows,
    show: (one) => count(one.rows),
    align: "right",
  },
];
const MODELS: Column<Schemas["RowsModel"]>[] = [
  {
    id: "ref",
    header: "Model",
    value: (one) => one.ref,
    show: (one) => <RefLink ref_={one.ref} />,
  },
  { id: "serves", header: "Serves now", value: (one) => one.serves.join(", ") },
  {
    id: "decisions",
    header: "Decisions",
    value: (one) => one.decisions,
    show: (one) => count(one.decisions),
    align: "right",
  },
];

/** Asks which rows, and shows what they reached. */
export function RowsPanel({ ref_ }: { ref_: string }) {
  const handle = useHandle();
  const [where, setWhere] = useState("");
  const asked = useMutation<Impact, Problem, { where: string; actor: string }>({
    mutationFn: (given) => followRows(ref_, given.where, given.actor),
  });
  const ready = where.trim() !== "" && handle.ok;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    asked.mutate({ where: where.trim(), actor: handle.keep() });
  };
  return (
    <Panel title="Rows" note="Which rows of this version went where. The log says who asked.">
      <form onSubmit={submit} className={styles.form}>
        <TextInput
          label="Condition"
          placeholder="origin = 'JFK'"
          value={where}
          onChange={(event) => setWhere(event.currentTarget.value)}
          className={styles.where}
        />
        {handle.field}
        <Button type="submit" disabled={!ready} loading={asked.isPending}>
          Follow
        </Button>
      </form>
      {asked.error && (
        <p className={styles.wrong}>
          {asked.error.message} {asked.error.remedy}
        </p>
      )}
      {asked.data && <Reached found={asked.data} />}
    </Panel>
  );
}

function Reached({ found }: { found: Impact }) {
  const carrying = found.versions.filter((one) => one.rows > 0).length;
  return (
    <div className={styles.reached}>
      <Figures>
        <Figure label="Rows" value={count(found.rows)} />
        <Figure label="Versions" value={carrying} note={`${found.clean} are free of them`} />
        <Figure
          label="Runs"
          value={count(found.totals.reads ?? 0)}
          note={found.spared ? `${found.spared} read other rows` : undefined}
        />
        <Figure label="Models" value={count(found.totals.models ?? 0)} />
        <Figure
          label="Decisions"
          value={count(found.decisions)}
          note={found.services.length ? `now: ${found.services.join(", ")}` : undefined}
        />
      </Figures>
      {found.models.length > 0 && <Table rows={found.models} columns={MODELS} first={8} />}
      {found.reads.length > 0 && <Table rows={found.reads} columns={READS} first={8} />}
      {found.versions.length > 0 && <Table rows={found.versions} columns={VERSIONS} first={8} />}
      <Rest found={found} />
    </div>
  );
}

function Rest({ found }: { found: Impact }) {
  const notes = [
    found.derived.length && `Rows can't be told apart any more in ${found.derived.join(", ")}.`,
    found.unread.length && `Collected, so not readable any more: ${found.unread.join(", ")}.`,
    ...Object.entries(found.totals)
      .filter(([, total]) => total > 200)
      .map(([list, total]) => `${total.toLocaleString("en")} ${list} in all; 200 are shown.`),
  ].filter(Boolean);
  return notes.map((note) => (
    <p key={String(note)} className={styles.note}>
      {note}
    </p>
  ));
}
