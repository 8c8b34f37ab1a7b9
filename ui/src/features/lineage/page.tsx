import { NativeSelect, SegmentedControl, Switch, TextInput } from "@mantine/core";
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
import { type Around as AroundOptions, type Direction, lineageQuery, treeQuery } from "./queries";
import { RowsPanel } from "./rows";

const Graph = lazy(() => import("./graph"));

const DIRECTIONS = [
  { value: "both", label: "Both ways" },
  { value: "trace", label: "Made from" },
  { value: "impact", label: "Reaches" },
];
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

const VIEWS = [
  { value: "graph", label: "Graph" },
  { value: "tree", label: "Tree" },
];
const DEPTHS = [
  { value: "", label: "All steps" },
  { value: "1", label: "1 step" },
  { value: "2", label: "2 steps" },
  { value: "4", label: "4 steps" },
];
/** What is no node of the graph, but points into it. */
const RECORDS = /^(alert|decision|label|report|gate):|^service:[^@]+$/;

/** The graph around anything, or the way back from one decision. */
export function LineagePage() {
  const { ref, decision } = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = (text: string) => {
    const id = text.replace(/^decision:/, "");
    const search = UUID.test(id) ? { decision: id } : { ref: text };
    void navigate({ to: "/lineage", search });
  };
  const asked = decision ? `decision:${decision}` : ref;
  return (
    <Page
      title="Lineage"
      lead="From a decision back to its rows, and from a row’s version on to everything it reached."
    >
      <Asked text={decision ?? ref ?? ""} key={asked} onAsk={show} />
      {asked ? (
        <Around root={asked} onPick={show} key={`around ${asked}`} />
      ) : (
        <Newest onPick={show} />
      )}
      {asked && /^dataset:[^@]+@\d+$/.test(asked) && (
        <RowsPanel ref_={asked} key={`rows ${asked}`} />
      )}
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

/** Where nothing was asked for: the newest model that serves. */
function Newest({ onPick }: { onPick: (ref: string) => void }) {
  const models = useQuery(modelsQuery);
  const newest = models.data?.map((model) => (model.live ?? model.latest)?.ref).find(Boolean);
  if (newest) return <Around root={newest} onPick={onPick} />;
  return (
    <Panel>
      <Empty title="Nothing has been made yet" command="towpath run train" />
    </Panel>
  );
}

function Around({ root, onPick }: { root: string; onPick: (ref: string) => void }) {
  const isRecord = RECORDS.test(root);
  const [direction, setDirection] = useState<Direction>(isRecord ? "trace" : "both");
  const [view, setView] = useState(isRecord ? "tree" : "graph");
  const [depth, setDepth] = useState<number>();
  const [full, setFull] = useState(false);
  const around = { direction, depth, full };
  const recorded = /^(decision|label):/.test(root);
  return (
    <Panel
      title={
        <>
          Around <RefLink ref_={root} />
        </>
      }
      note={
        recorded
          ? "Reading it was recorded in the log. Inputs stay out of it."
          : "Sources first, then what came of them. Pick a node to stand there."
      }
      aside={
        <div className={styles.controls}>
          {!isRecord && <SegmentedControl size="xs" data={VIEWS} value={view} onChange={setView} />}
          <SegmentedControl
            size="xs"
            data={view === "tree" ? DIRECTIONS.slice(1) : DIRECTIONS}
            value={view === "tree" && direction === "both" ? "trace" : direction}
            onChange={(value) => setDirection(value as Direction)}
          />
          <NativeSelect
            size="xs"
            aria-label="How far"
            data={DEPTHS}
            value={depth ?? ""}
            onChange={(event) => setDepth(Number(event.currentTarget.value) || undefined)}
          />
          <Switch
            size="xs"
            label="Steps and artefacts"
            checked={full}
            onChange={(event) => setFull(event.currentTarget.checked)}
          />
        </div>
      }
      flush={view === "graph"}
    >
      {view === "graph" ? (
        <GraphView root={root} around={around} onPick={onPick} />
      ) : (
        <TreeView root={root} around={around} />
      )}
    </Panel>
  );
}

interface ViewProps {
  root: string;
  around: AroundOptions;
}

function GraphView({ root, around, onPick }: ViewProps & { onPick: (ref: string) => void }) {
  return (
    <Loaded query={useQuery(lineageQuery(root, around))}>
      {(graph) => (
        <Suspense fallback={<div className={styles.canvas} />}>
          <Graph graph={graph} onPick={onPick} />
        </Suspense>
      )}
    </Loaded>
  );
}

function TreeView({ root, around }: ViewProps) {
  const way = around.direction === "impact" ? "forth" : "back";
  return (
    <Loaded query={useQuery(treeQuery(root, way, around))}>
      {(told) => <DecisionTree tree={told.tree} />}
    </Loaded>
  );
}
