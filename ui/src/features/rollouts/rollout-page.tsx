import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Confidence } from "@/charts/confidence";
import { CommandButton } from "@/design/command-button";
import { Empty } from "@/design/empty";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import {
  capitalize,
  formatCompact,
  formatCount,
  formatNumber,
  formatShare,
  humanize,
} from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { boundsOf, type Reading, standingOf } from "./bounds";
import { rolloutQuery } from "./queries";
import { RolloutTrack, stateOf } from "./track";

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
      lead={query.data && <State state={stateOf(query.data)} />}
      aside={query.data && !query.data.outcome && <Orders rollout={query.data} />}
    >
      <Loaded query={query}>{(rollout) => <Body rollout={rollout} />}</Loaded>
    </Page>
  );
}

function Orders({ rollout }: { rollout: Rollout }) {
  const on = (verb: string) => `towpath rollout ${verb} ${rollout.name}`;
  return (
    <>
      {rollout.paused ? (
        <CommandButton label="Resume" command={on("resume")} />
      ) : (
        <CommandButton label="Pause" command={on("pause")} />
      )}
      <CommandButton label="Promote" command={on("promote")} />
      <CommandButton label="Abort" command={on("abort")} />
    </>
  );
}

function Body({ rollout }: { rollout: Rollout }) {
  const required = rollout.readings.filter((one) => one.role === "required").length;
  const harmless = rollout.readings.filter(
    (one) => one.role === "required" && standingOf(rollout, one) === "harmless",
  ).length;
  return (
    <>
      <Figures>
        <Figure
          label="Challenger's share"
          value={
            rollout.strategy === "shadow" && !rollout.outcome ? "0%" : formatShare(rollout.weight)
          }
          note={humanize(rollout.strategy)}
        />
        <Figure
          label="Proved harmless"
          value={rollout.readings.length > 0 ? `${harmless} of ${required}` : "–"}
          note="of what is required, at this stage"
        />
        <Figure
          label="Confidence"
          value={formatShare(1 - rollout.alpha)}
          note="over the whole rollout, however often one looks"
        />
        <Split rollout={rollout} />
      </Figures>
      <Columns wide>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          {rollout.readings.length === 0 && (
            <Panel title="Harm">
              <Empty title="Nothing measured yet" />
            </Panel>
          )}
          {rollout.readings.map((reading) => (
            <Harm key={reading.name} rollout={rollout} reading={reading} />
          ))}
          <Panel title="Every look" flush>
            <Table rows={[...rollout.history].reverse()} columns={LOOKS} first={12} />
          </Panel>
        </div>
        <div style={{ display: "grid", gap: 18, minWidth: 0, alignContent: "start" }}>
          <Panel title="Stages">
            <RolloutTrack rollout={rollout} />
            {rollout.paused && (
              <p style={{ margin: "12px 0 0" }}>
                Paused by <b>{rollout.paused.by || "somebody"}</b>
                {rollout.paused.why && `: ${rollout.paused.why}`}
              </p>
            )}
            {rollout.reason && <p style={{ margin: "12px 0 0" }}>{capitalize(rollout.reason)}.</p>}
          </Panel>
          <Panel title="Rules">
            <Rules rollout={rollout} />
          </Panel>
        </div>
      </Columns>
    </>
  );
}

/** One harm: whether it is proved absent or present, and how its bounds came to say so. */
function Harm({ rollout, reading }: { rollout: Rollout; reading: Reading }) {
  const bounds = useMemo(() => boundsOf(rollout, reading), [rollout, reading]);
  const known = bounds.some((one) => one.harm !== null);
  const isGuard = reading.role === "guard";
  const tell = (value: number | null) => `${formatNumber(value)} ${reading.unit}`.trim();
  const note = isGuard
    ? "A guard rail: the rollout goes back when the band lies above the margin. It never promotes."
    : "The rollout goes back when the band lies above zero, and on when it lies below the margin.";
  return (
    <Panel
      title={`Harm in ${reading.name}`}
      note={note}
      aside={<Verdict {...{ rollout, reading }} />}
    >
      <p style={{ margin: "0 0 8px" }}>
        {tell(reading.harm)}, surely between {tell(reading.lower)} and {tell(reading.upper)}; from{" "}
        {formatCount(reading.n_champion)} and {formatCount(reading.n_challenger)} rows.
      </p>
      {known ? (
        <Confidence
          looks={bounds}
          name={reading.name}
          unit={reading.unit}
          height={isGuard ? 200 : 300}
        />
      ) : (
        <Empty title="Too few rows to say" />
      )}
    </Panel>
  );
}

function Verdict({ rollout, reading }: { rollout: Rollout; reading: Reading }) {
  const standing = standingOf(rollout, reading);
  const tone = { harmful: "bad", harmless: "good", open: "idle" } as const;
  return <State state={standing} tone={tone[standing]} />;
}

/** Whether callers were split as they should be. */
function Split({ rollout }: { rollout: Rollout }) {
  const [champion = 0, challenger = 0] = rollout.callers;
  if (champion + challenger === 0) return <Figure label="Callers" value="–" note="not split" />;
  const isFair = rollout.ratio_e_value < rollout.ratio_limit;
  return (
    <Figure
      label="Callers split"
      value={`${formatCompact(champion)} : ${formatCompact(challenger)}`}
      note={isFair ? "as they should be" : "not as they should be"}
    />
  );
}

function Rules({ rollout }: { rollout: Rollout }) {
  return (
    <Facts>
      <Fact name="Service">{rollout.service}</Fact>
      <Fact name="Strategy">{humanize(rollout.strategy)}</Fact>
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
  );
}
