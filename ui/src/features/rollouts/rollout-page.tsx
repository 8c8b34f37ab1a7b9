import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Confidence } from "@/charts/confidence";
import { Empty } from "@/design/empty";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { capitalize, formatCount, formatNumber, formatShare, humanize } from "@/design/format";
import { Json } from "@/design/json";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { rolloutQuery } from "./queries";
import { RolloutTrack } from "./track";

type Rollout = Schemas["RolloutDetail"];
type Look = Schemas["RolloutLook"];

const LOOKS: Column<Look>[] = [
  { id: "at", header: "Looked", value: (one) => one.at, show: (one) => <EventTime at={one.at} /> },
  { id: "stage", header: "Stage", value: (one) => one.stage + 1, align: "right" },
  {
    id: "n",
    header: "Labelled rows",
    value: (one) => one.n_champion + one.n_challenger,
    show: (one) => `${formatCount(one.n_champion)} / ${formatCount(one.n_challenger)}`,
    align: "right",
    wide: true,
  },
  {
    id: "harm",
    header: "Harm",
    value: (one) => one.harm ?? null,
    show: (one) => formatNumber(one.harm),
    align: "right",
  },
  {
    id: "bounds",
    header: "Bounds",
    value: (one) => one.upper ?? null,
    show: (one) => `[${formatNumber(one.lower)}, ${formatNumber(one.upper)}]`,
    align: "right",
    wide: true,
  },
  {
    id: "decision",
    header: "Decided",
    value: (one) => one.decision,
    show: (one) => <State state={one.decision} />,
  },
];

/** One rollout: how the evidence narrowed until it decided. */
export function RolloutPage() {
  const { name = "" } = useParams({ strict: false });
  const query = useQuery(rolloutQuery(name));
  return (
    <Page
      title={name}
      within={{ to: "/rollouts", label: "Rollouts" }}
      lead={query.data && <State state={query.data.outcome ?? query.data.phase} />}
    >
      <Loaded query={query}>{(rollout) => <Body rollout={rollout} />}</Loaded>
    </Page>
  );
}

function Body({ rollout }: { rollout: Rollout }) {
  const last = rollout.history.at(-1);
  return (
    <>
      <Figures>
        <Figure label="Challenger's share" value={formatShare(rollout.weight)} />
        <Figure label="Harm so far" value={formatNumber(last?.harm)} note={rollout.metric} />
        <Figure
          label="Surely between"
          value={last ? `${formatNumber(last.lower)} … ${formatNumber(last.upper)}` : "–"}
          note={`at ${formatShare(1 - rollout.alpha)} confidence, however often one looks`}
        />
        <Figure label="Margin" value={formatNumber(rollout.margin)} note="harm worth tolerating" />
      </Figures>
      <Columns wide>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Panel
            title={`Harm in ${rollout.metric}`}
            note="The challenger's mean loss minus the champion's. It goes on when the band lies below the margin, and goes back when the band lies above zero."
          >
            {rollout.history.length > 0 ? (
              <Confidence looks={rollout.history} metric={rollout.metric} />
            ) : (
              <Empty title="No labelled decisions yet" />
            )}
          </Panel>
          <Panel title="Every look" flush>
            <Table rows={[...rollout.history].reverse()} columns={LOOKS} first={12} />
          </Panel>
        </div>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Panel title="Stages">
            <RolloutTrack rollout={rollout} />
            {rollout.reason && <p style={{ margin: "12px 0 0" }}>{capitalize(rollout.reason)}.</p>}
          </Panel>
          <Panel title="Rules">
            <Facts>
              <Fact name="Service">{rollout.service}</Fact>
              <Fact name="Champion">
                <RefLink ref_={rollout.champion} />
              </Fact>
              <Fact name="Challenger">
                <RefLink ref_={rollout.challenger} />
              </Fact>
              <Fact name="Began">
                <EventTime at={rollout.since} />
              </Fact>
              {rollout.ended && (
                <Fact name="Ended">
                  <EventTime at={rollout.ended} />
                </Fact>
              )}
              <Fact name="At most">{rollout.max_duration}</Fact>
              <Fact name="Then">{humanize(rollout.on_timeout)}</Fact>
            </Facts>
          </Panel>
          {Object.keys(rollout.evidence).length > 0 && (
            <Panel title="Evidence">
              <Json value={rollout.evidence} />
            </Panel>
          )}
        </div>
      </Columns>
    </>
  );
}
