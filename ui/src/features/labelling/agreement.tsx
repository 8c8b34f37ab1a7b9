import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Figure, Figures } from "@/design/facts";
import { formatCount, formatNumber, formatSeconds, formatShare } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns } from "@/design/page";
import { Panel } from "@/design/panel";
import { type Column, Table } from "@/design/table";
import { AlphaScale } from "./alpha-scale";
import { Confusion } from "./confusion";
import { agreementQuery, type Queue } from "./queries";

type Pair = Schemas["AnnotatorPair"];
type Work = Schemas["AnnotatorWork"];

const PAIRS: Column<Pair>[] = [
  {
    id: "who",
    header: "Between",
    value: (one) => one.annotators.join(" and "),
  },
  { id: "items", header: "Shared items", value: (one) => one.items, align: "right" },
  {
    id: "observed",
    header: "Agree",
    value: (one) => one.observed,
    show: (one) => formatShare(one.observed),
    align: "right",
  },
  {
    id: "kappa",
    header: "Cohen's κ",
    value: (one) => one.kappa ?? null,
    show: (one) => formatNumber(one.kappa),
    align: "right",
  },
];

const WORK: Column<Work>[] = [
  {
    id: "name",
    header: "Annotator",
    value: (one) => one.annotator,
    show: (one) => <b>{one.annotator}</b>,
  },
  {
    id: "judged",
    header: "Judged",
    value: (one) => one.judged,
    show: (one) => formatCount(one.judged),
    align: "right",
  },
  { id: "skipped", header: "Skipped", value: (one) => one.skipped, align: "right" },
  {
    id: "confirmed",
    header: "Confirmed",
    value: (one) => one.confirmed ?? null,
    show: (one) => (one.confirmed == null ? "–" : formatShare(one.confirmed)),
    align: "right",
  },
  {
    id: "spent",
    header: "Takes",
    value: (one) => one.spent_s_median ?? null,
    show: (one) => (one.spent_s_median == null ? "–" : formatSeconds(one.spent_s_median)),
    align: "right",
    wide: true,
  },
];

/** How far people agree beyond chance, whom they differ with, and about what. */
export function Agreement({ queue }: { queue: Queue }) {
  return (
    <Loaded query={useQuery(agreementQuery(queue.name))}>
      {(found) =>
        found.items === 0 ? (
          <Panel>
            <Empty title="Nobody has judged the same item yet">
              {queue.annotators > 1
                ? "Agreement shows as soon as two people have labelled one decision."
                : "This queue asks one person per decision; ask two to learn how far labels can be trusted."}
            </Empty>
          </Panel>
        ) : (
          <Body found={found} />
        )
      }
    </Loaded>
  );
}

function Body({ found }: { found: Schemas["QueueAgreement"] }) {
  return (
    <>
      <Figures>
        <Figure
          label="Krippendorff's α"
          value={formatNumber(found.alpha)}
          note={
            found.alpha_low == null
              ? "undefined"
              : `${formatNumber(found.alpha_low)} to ${formatNumber(found.alpha_high)}`
          }
        />
        <Figure label="Fleiss' κ" value={formatNumber(found.fleiss)} />
        <Figure
          label="Pairs that agree"
          value={found.observed == null ? "–" : formatShare(found.observed)}
          note="chance included"
        />
        <Figure label="Items judged twice" value={formatCount(found.items)} />
      </Figures>
      <Columns>
        <Panel
          title="Agreement beyond chance"
          note="Krippendorff's α with its 95% interval. From 0.8 labels are reliable; down to 0.667 they allow tentative conclusions."
        >
          <AlphaScale alpha={found.alpha} low={found.alpha_low} high={found.alpha_high} />
        </Panel>
        <Panel
          title="What is taken for what"
          note="Share of a label's answers that met each label on the same item."
        >
          <Confusion labels={found.labels} counts={found.confusion} />
        </Panel>
      </Columns>
      <Columns>
        <Panel title="People" flush>
          <Table rows={found.annotators} columns={WORK} />
        </Panel>
        <Panel title="Pairs" flush>
          <Table rows={found.pairs} columns={PAIRS} first={12} />
        </Panel>
      </Columns>
    </>
  );
}
