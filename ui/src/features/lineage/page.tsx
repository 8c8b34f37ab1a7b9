import { SegmentedControl, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, lazy, Suspense, useState } from "react";
import { Empty } from "@/design/empty";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { modelsQuery } from "@/features/models/queries";
import { DecisionTree } from "./decision-tree";
import styles from "./page.module.css";
import { type Direction, decisionQuery, lineageQuery } from "./queries";

const Graph = lazy(() => import("./graph"));

const DIRECTIONS = [
  { value: "both", label: "Both ways" },
  { value: "trace", label: "Made from" },
  { value: "impact", label: "Reaches" },
];
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The graph around anything, or the way back from one decision. */
export function LineagePage() {
  const { ref, decision } = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = (text: string) => {
    const id = text.replace(/^decision:/, "");
    const search = UUID.test(id) ? { decision: id } : { ref: text };
    void navigate({ to: "/lineage", search });
  };
  return (
    <Page
      title="Lineage"
      lead="From a decision back to its rows, and from a row's version on to everything it reached."
    >
      <Asked text={decision ?? ref ?? ""} key={decision ?? ref} onAsk={show} />
      {decision ? <DecisionPanel id={decision} /> : <GraphPanel ref_={ref} onPick={show} />}
    </Page>
  );
}

function Asked({ text, onAsk }: { text: string; onAsk: (text: string) => void }) {
  const [wanted, setWanted] = useState(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted.trim()) onAsk(wanted.trim());
  };
  return (
    <form onSubmit={submit}>
      <TextInput
        size="md"
        aria-label="Reference or decision"
        placeholder="model:late@3, dataset:flights@7, or a decision’s id"
        value={wanted}
        onChange={(event) => setWanted(event.currentTarget.value)}
        classNames={{ input: styles.ask }}
      />
    </form>
  );
}

function DecisionPanel({ id }: { id: string }) {
  return (
    <Loaded query={useQuery(decisionQuery(id))}>
      {(trace) => (
        <Panel
          title="The way back"
          note="Reading it was recorded in the log. Inputs stay out of it."
        >
          <DecisionTree tree={trace.tree} />
        </Panel>
      )}
    </Loaded>
  );
}

function GraphPanel({ ref_, onPick }: { ref_?: string; onPick: (ref: string) => void }) {
  const models = useQuery({ ...modelsQuery, enabled: ref_ === undefined });
  const newest = models.data?.map((model) => (model.live ?? model.latest)?.ref).find(Boolean);
  const root = ref_ ?? newest;
  if (root) return <Around root={root} onPick={onPick} />;
  return (
    <Panel>
      <Empty title="Nothing has been made yet" command="towpath run train" />
    </Panel>
  );
}

function Around({ root, onPick }: { root: string; onPick: (ref: string) => void }) {
  const [direction, setDirection] = useState<Direction>("both");
  const [full, setFull] = useState(false);
  return (
    <Panel
      title={
        <>
          Around <RefLink ref_={root} />
        </>
      }
      note="Sources first, then what came of them. Click a node to stand there."
      aside={
        <div className={styles.controls}>
          <Switch
            size="xs"
            label="Steps and artefacts"
            checked={full}
            onChange={(event) => setFull(event.currentTarget.checked)}
          />
          <SegmentedControl
            size="xs"
            data={DIRECTIONS}
            value={direction}
            onChange={(value) => setDirection(value as Direction)}
          />
        </div>
      }
      flush
    >
      <Loaded query={useQuery(lineageQuery(root, direction, full))}>
        {(graph) => (
          <Suspense fallback={<div className={styles.canvas} />}>
            <Graph graph={graph} onPick={onPick} />
          </Suspense>
        )}
      </Loaded>
    </Panel>
  );
}
