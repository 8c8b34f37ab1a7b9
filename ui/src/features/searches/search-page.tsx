import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { Figure, Figures } from "@/design/facts";
import { formatNumber, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { State } from "@/design/state";
import { Table } from "@/design/table";
import { trialColumns } from "./columns";
import { Coordinates } from "./coordinates";
import { TrialCurves } from "./curves";
import { Importances } from "./importances";
import { FrontChart, ProgressChart } from "./progress-chart";
import { searchQuery } from "./queries";
import { boundOf, type Marked, pointOf, wordsOf } from "./reading";
import styles from "./searches.module.css";

type Search = Schemas["SearchView"];

const FIRST = 20;

/** One search, while it goes on or after. */
export function SearchPage() {
  const { runId = "" } = useParams({ strict: false });
  const query = useQuery(searchQuery(runId));
  return (
    <Page
      title={query.data?.summary.name ?? "Search"}
      within={{ to: "/searches", label: "Searches" }}
      lead={query.data && <Lead search={query.data} />}
    >
      <Loaded query={query}>{(search) => <Body search={search} />}</Loaded>
    </Page>
  );
}

function Lead({ search }: { search: Search }) {
  return (
    <>
      <State state={search.summary.status} />
      <span>
        the {search.summary.objectives.map(wordsOf).join(" and the ")}, proposed by {search.sampler}
        {search.prune && `, given up by ${search.prune}`}
      </span>
      <Link to={`/runs/${search.summary.run}`}>part of a run of {search.summary.project}</Link>
    </>
  );
}

function Body({ search }: { search: Search }) {
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<number | null>(null);
  const [marked, setMarked] = useState<Marked>({});
  const columns = useMemo(() => trialColumns(search), [search]);
  const open = (run: string) => void navigate({ to: `/runs/${run}` });
  const several = search.summary.objectives.length > 1;
  return (
    <>
      {search.summary.error && (
        <Panel title="What failed">
          <p style={{ margin: 0, color: "var(--bad)" }}>{search.summary.error}</p>
        </Panel>
      )}
      <Numbers search={search} />
      <Columns wide>
        <Panel
          title={several ? "Pareto front" : "Trial by trial"}
          note={several ? "What no other trial beats in everything." : "A dot leads to its run."}
        >
          {several ? (
            <FrontChart search={search} onPick={open} />
          ) : (
            <ProgressChart search={search} onPick={open} />
          )}
        </Panel>
        <Panel title="What mattered" note="Shares of what decided how good a trial was.">
          {Object.keys(search.importances).length > 0 ? (
            <Importances shares={search.importances} />
          ) : (
            "Too few trials are over to tell."
          )}
          {Object.entries(search.within).map(([metric, ends]) => (
            <p key={metric} className={styles.note}>
              Only results with {boundOf(metric, ends)} may be chosen.
            </p>
          ))}
        </Panel>
      </Columns>
      <Panel
        title="Settings"
        note="A line is a trial, the better the stronger. Drag along an axis to single some out."
        aside={
          Object.keys(marked).length > 0 && (
            <button type="button" className={styles.clear} onClick={() => setMarked({})}>
              Show all again
            </button>
          )
        }
      >
        <div className={styles.scroll}>
          <Coordinates
            search={search}
            chosen={chosen}
            onChoose={setChosen}
            marked={marked}
            onMark={setMarked}
          />
        </div>
        <p className={styles.note}>{chosenText(search, chosen)}</p>
      </Panel>
      <TrialCurves trials={search.trials} />
      <Panel title="Trials" flush>
        <Table
          rows={search.trials}
          columns={columns}
          to={(one) => `/runs/${one.run_id}`}
          first={FIRST}
        />
      </Panel>
    </>
  );
}

function Numbers({ search }: { search: Search }) {
  const { counts } = search;
  const over = search.trials.length - (counts.running ?? 0);
  const best = search.trials.find((trial) => trial.rank === 0);
  return (
    <Figures>
      <Figure label="Trials" value={over} note={`of ${search.summary.wanted}`} />
      {search.summary.objectives.map(({ metric }, place) => (
        <Figure
          key={metric}
          label={search.summary.objectives.length > 1 ? `${metric}, middle way` : `Best ${metric}`}
          value={formatNumber(best?.values[place])}
          note={best && `trial ${best.number}`}
        />
      ))}
      <Figure label="Running" value={counts.running ?? 0} />
      <Figure label="Given up" value={counts.pruned ?? 0} note={search.prune ?? "never"} />
      <Figure label="Failed" value={(counts.failed ?? 0) + (counts.stopped ?? 0)} />
    </Figures>
  );
}

function chosenText(search: Search, chosen: number | null): string {
  const trial = search.trials.find((one) => one.number === chosen);
  if (!trial) return `${plural(search.trials.length, "trial")}. Point at a line to read it.`;
  const values = search.summary.objectives.map(
    ({ metric }, place) => `${metric} ${formatNumber(trial.values[place])}`,
  );
  const told = trial.state === "done" ? values.join(", ") : trial.why || trial.state;
  return `Trial ${trial.number}: ${told}, with ${pointOf(trial)}.`;
}
