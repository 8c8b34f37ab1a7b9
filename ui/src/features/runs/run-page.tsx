import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Fact, Facts } from "@/design/facts";
import { formatBytes, formatNumber, formatSeconds, humanize, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Reason } from "@/design/reason";
import { RefList } from "@/design/ref-list";
import { State } from "@/design/state";
import { Ago } from "@/design/time";
import { Value } from "@/design/value";
import { Results } from "@/features/artifacts/results";
import { Attempts } from "./attempts";
import { Curves } from "./curves";
import { Deeds } from "./deeds";
import { LogsPanel } from "./logs";
import { runGraphQuery, runQuery } from "./queries";
import { Reasons } from "./reasons";
import { Steps } from "./steps";

const RunGraph = lazy(() => import("./run-graph"));

const MACHINE_TAGS = new Set([
  "attempt",
  "cached",
  "log",
  "outline",
  "owner",
  "pins",
  "point",
  "pipeline",
  "stopped",
]);

type Run = Schemas["RunDetail"];

/** One run: its steps on a time line, its curves, and what it read and made. */
export function RunPage() {
  const { runId = "" } = useParams({ strict: false });
  const query = useQuery(runQuery(runId));
  const run = query.data;
  return (
    <Page
      title={run?.name ?? "Run"}
      within={{ to: "/runs", label: "Runs" }}
      lead={run && <Lead run={run} />}
      aside={run && <Deeds run={run} />}
    >
      <Loaded query={query}>{(run) => <Body run={run} />}</Loaded>
    </Page>
  );
}

function Lead({ run }: { run: Run }) {
  return (
    <>
      <State state={run.status} />
      <span>
        {humanize(run.kind)} of {run.project}, {formatSeconds(run.seconds)}
      </span>
      <Code value={run.id} />
      {run.parent && <Link to={`/runs/${run.parent}`}>part of a larger run</Link>}
      {run.kind === "search" && <Link to={`/searches/${run.id}`}>its trials</Link>}
    </>
  );
}

function Body({ run }: { run: Run }) {
  const curves = curvesOf(run);
  return (
    <>
      {run.kind === "pipeline" && <Picture runId={run.id} />}
      <Columns wide>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          {run.error && (
            <Panel title="What failed">
              <p style={{ margin: 0, color: "var(--bad)" }}>{run.error}</p>
            </Panel>
          )}
          {run.steps.length > 0 && (
            <Panel
              title="Steps"
              note={
                run.truncated
                  ? "The newest 1,000 calls; the graph counts all of them."
                  : "Placed by when they ran. Steps from the cache took no time."
              }
            >
              <Steps run={run} />
            </Panel>
          )}
          {run.attempts.length > 0 && <Attempts run={run} />}
          {run.kind === "step" && <Results digests={digestsOf(run.made)} />}
          {(run.kind === "pipeline" || run.kind === "step") && (
            <LogsPanel runId={run.id} running={run.status === "running"} />
          )}
          {curves.length > 0 && <Curves curves={curves} />}
        </div>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          {(run.kind === "pipeline" || run.kind === "step") && <Reasons runId={run.id} />}
          <Neighbours title="Read" refs={run.used} />
          <Neighbours title="Made" refs={run.made} />
          <Panel title="Parameters">
            <Facts>
              {Object.entries(run.params).map(([name, value]) => (
                <Fact key={name} name={name}>
                  <code>{value}</code>
                </Fact>
              ))}
              {Object.keys(run.params).length === 0 && "None."}
            </Facts>
          </Panel>
          {Object.keys(run.metrics).length > 0 && (
            <Panel title="Metrics">
              <Facts>
                {Object.entries(run.metrics).map(([name, value]) => (
                  <Fact key={name} name={name}>
                    {formatNumber(value)}
                  </Fact>
                ))}
              </Facts>
            </Panel>
          )}
          <Panel title="About">
            <Facts>
              {shownTags(run.tags).map(([name, value]) => (
                <Fact key={name} name={humanize(name)}>
                  {name === "reason" ? <Reason reason={value} /> : <Value value={value} />}
                </Fact>
              ))}
              <Fact name="Started">
                <Ago at={run.started_at} />
              </Fact>
              {run.saved && (
                <Fact name="Checkpoint">
                  {formatBytes(run.saved.size_bytes)}, saved <Ago at={run.saved.at} />
                </Fact>
              )}
              {run.key && (
                <Fact name="Cache key">
                  <Code value={run.key} />
                </Fact>
              )}
            </Facts>
          </Panel>
        </div>
      </Columns>
    </>
  );
}

function Picture({ runId }: { runId: string }) {
  const query = useQuery(runGraphQuery(runId));
  if (query.data?.nodes.length === 0) return null;
  return (
    <Panel title="Graph" note="What is read, what is to come, and what waits for what." flush>
      <Loaded query={query}>
        {(graph) => (
          <Suspense fallback={<div style={{ height: 240 }} />}>
            <RunGraph graph={graph} />
          </Suspense>
        )}
      </Loaded>
    </Panel>
  );
}

function Neighbours({ title, refs }: { title: string; refs: string[] }) {
  if (refs.length === 0) return null;
  const named = refs.filter((ref) => !ref.startsWith("artifact:"));
  const artefacts = refs.filter((ref) => ref.startsWith("artifact:"));
  return (
    <Panel title={title}>
      <RefList refs={named} />
      {artefacts.length > 0 && (
        <details style={{ marginTop: named.length > 0 ? 8 : 0 }}>
          <summary>{plural(artefacts.length, "artefact")}</summary>
          <RefList refs={artefacts} />
        </details>
      )}
    </Panel>
  );
}

/** What a run's labels tell people; what only the machine reads is shown elsewhere, or nowhere. */
function shownTags(tags: Run["tags"]): [string, string][] {
  return Object.entries(tags).filter(([name]) => !MACHINE_TAGS.has(name));
}

const digestsOf = (refs: string[]): string[] =>
  refs.filter((ref) => ref.startsWith("artifact:")).map((ref) => ref.slice("artifact:".length));

/** Which curves to draw: the run's own, and those of its steps. A search's page has its trials'. */
function curvesOf(run: Run): { run: string; key: string }[] {
  const steps = run.steps.filter((step) => !step.tags.driver);
  return [run, ...steps].flatMap((one) =>
    Object.keys(one.metrics).map((key) => ({ run: one.id, key })),
  );
}
