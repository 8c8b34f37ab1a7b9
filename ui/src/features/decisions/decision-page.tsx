import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { capitalize, formatCount, formatNumber } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { OpenIncident } from "@/features/incidents/open-button";
import { DecisionTree } from "@/features/lineage/decision-tree";
import { treeQuery } from "@/features/lineage/queries";
import { written } from "./columns";
import styles from "./decision-page.module.css";
import { explanationQuery, replayQuery } from "./queries";
import { Replayed } from "./replayed";
import { Shares } from "./shares";
import { Ways } from "./ways";

type Explained = Schemas["ExplainedDecision"];
type Near = Schemas["NearTrainingRow"];

/** As many inputs as a page has room for beside each other. */
const NEAR_COLUMNS = 6;

/** One decision: what it was, whether it can be had again bit for bit, and why it was made as it was. */
export function DecisionPage() {
  const { decisionId = "" } = useParams({ strict: false });
  const explained = useQuery(explanationQuery(decisionId));
  const replayed = useQuery(replayQuery(decisionId));
  return (
    <Page
      title="Decision"
      within={{ to: "/decisions", label: "Decisions" }}
      lead={<span className={styles.id}>{decisionId}</span>}
      aside={
        <>
          <LineageButton ref_={`decision:${decisionId}`} />
          <OpenIncident decision={decisionId} />
        </>
      }
    >
      <Panel
        title="Asked again"
        note="The recorded model, the recorded input, compared bit for bit."
      >
        <Loaded query={replayed}>{(replay) => <Replayed replay={replay} />}</Loaded>
      </Panel>
      <Loaded query={explained}>{(one) => <Why one={one} />}</Loaded>
      {explained.error && <Recorded decisionId={decisionId} />}
    </Page>
  );
}

/** What is on record of a decision that can't be explained: its model may be gone, these facts are not. */
function Recorded({ decisionId }: { decisionId: string }) {
  const found = useQuery(
    treeQuery(`decision:${decisionId}`, "back", { direction: "trace", depth: 2, full: false }),
  );
  if (!found.data) return null; // it is not in the log at all, which was said above
  return (
    <Panel title="What is recorded" note="Without input and answer. The log says who read it.">
      <DecisionTree tree={found.data.tree} />
    </Panel>
  );
}

function Why({ one }: { one: Explained }) {
  return (
    <>
      <Panel title="What was decided">
        <Figures>
          <Figure label="Answer" value={formatNumber(one.answer)} />
          <Figure label={`Base, ${one.scale}`} value={formatNumber(one.base)} />
          <Figure label={`Raw, ${one.scale}`} value={formatNumber(one.raw)} />
        </Figures>
        <Facts>
          <Fact name="At">
            <EventTime at={one.at} />
          </Fact>
          <Fact name="Service">{one.service}</Fact>
          <Fact name="Model">
            <RefLink ref_={one.model} />
          </Fact>
          <Fact name="Form">{one.form}</Fact>
          {one.favourable !== null && (
            <Fact name="For the person">
              <State
                state={one.favourable ? "favourable" : "unfavourable"}
                tone={one.favourable ? "good" : "bad"}
              />
            </Fact>
          )}
        </Facts>
      </Panel>
      <Columns>
        <Panel
          title="What counted"
          note={`Base and shares add up to the raw answer. Counted in ${one.scale}, found by ${one.method}.`}
        >
          <Shares one={one} />
        </Panel>
        <Panel title="What the person is told">
          <p className={styles.letter}>{one.letter}</p>
        </Panel>
      </Columns>
      <Panel title="What would flip it" note={waysNote(one)}>
        <Ways one={one} />
      </Panel>
      <Panel title="Nearest training rows" note={nearNote(one)} flush>
        {one.near.length === 0 ? (
          <Empty title="No row to show">{capitalize(one.near_missing)}</Empty>
        ) : (
          <Table rows={one.near} columns={nearColumns(one)} />
        )}
      </Panel>
      {one.notes.map((note) => (
        <p className={styles.quiet} key={note}>
          {note}
        </p>
      ))}
    </>
  );
}

function waysNote(one: Explained): string | undefined {
  if (one.ways.length === 0) return undefined;
  return one.ways_exact
    ? "The cheapest there are within what the service declares, each confirmed by the model."
    : "The cheapest that were found, each confirmed by the model; others may exist.";
}

function nearNote(one: Explained): ReactNode {
  if (one.near.length === 0) return null;
  const how =
    one.near_by === "leaves"
      ? "by the share of trees in which both end in one leaf"
      : "by distance, in standard deviations";
  const revision = one.near_revision === null ? "" : `, revision ${one.near_revision}`;
  const read = formatCount(one.near_rows_read);
  const more = one.shares.length > NEAR_COLUMNS ? "The inputs that counted most are shown. " : "";
  return (
    <>
      Of {read} rows of {one.near_source ? <RefLink ref_={one.near_source} /> : "its data"}
      {revision}, {how}. {more}
      {one.near_note}
    </>
  );
}

/** The columns of near rows: those that counted most come first. */
function nearColumns(one: Explained): Column<Near>[] {
  const values = one.near[0]?.values ?? {};
  const known = one.shares.map((share) => share.column).filter((name) => name in values);
  const shown = known.slice(0, NEAR_COLUMNS);
  return [
    {
      id: "near",
      header: "Near",
      value: (row) => row.nearness,
      show: (row) => row.nearness.toFixed(3),
    },
    {
      id: "outcome",
      header: "Outcome",
      value: (row) => plain(row.outcome),
      show: (row) => written(row.outcome),
    },
    ...shown.map(
      (name, at): Column<Near> => ({
        id: name,
        header: name,
        value: (row) => plain(row.values[name]),
        show: (row) => written(row.values[name]),
        align: "right",
        wide: at > 0,
      }),
    ),
  ];
}

function plain(value: unknown): string | number | null {
  return typeof value === "number" || typeof value === "string" ? value : null;
}
