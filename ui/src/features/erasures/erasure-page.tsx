import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Figure, Figures } from "@/design/facts";
import { formatBytes, formatCount, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { Ago, EventTime } from "@/design/time";
import { CertificatePanel } from "./certificate";
import { Phases } from "./phases";
import { erasureQuery } from "./queries";

type Erasure = Schemas["Erasure"];

/** One erasure: its phases, what it removed, and the certificate. */
export function ErasurePage() {
  const { id = "" } = useParams({ strict: false });
  const query = useQuery(erasureQuery(id));
  const erasure = query.data;
  return (
    <Page
      title={erasure ? `Erasure of one ${erasure.field}` : "Erasure"}
      within={{ to: "/erasures", label: "Erasures" }}
      lead={
        erasure && (
          <>
            <State state={erasure.phase} tone={erasure.certified ? "good" : undefined} />
            <span>
              subject <Code value={erasure.subject} />
            </span>
            <span>
              requested <Ago at={erasure.requested_at} />
            </span>
            <Deadline erasure={erasure} />
            <Company erasure={erasure} />
          </>
        )
      }
    >
      <Loaded query={query}>{(data) => <Body erasure={data} />}</Loaded>
    </Page>
  );
}

/** By when it must be done, and whether it will be. */
function Deadline({ erasure }: { erasure: Erasure }) {
  if (!erasure.due_by || erasure.certified) return null;
  return (
    <span>
      {erasure.late && <State state="late" tone="bad" />} due by <EventTime at={erasure.due_by} />,
      models trained{" "}
      {erasure.expected_at ? <EventTime at={erasure.expected_at} /> : "when it is unblocked"}
    </span>
  );
}

/** With whom it is fulfilled: withdrawals that came together cost one retraining. */
function Company({ erasure }: { erasure: Erasure }) {
  if (erasure.rides_on) {
    return (
      <span>
        rides on{" "}
        <Link to="/erasures/$id" params={{ id: erasure.rides_on }}>
          another erasure
        </Link>
      </span>
    );
  }
  if (!erasure.riders) return null;
  const others = erasure.riders === 1 ? "withdrawal rides" : "withdrawals ride";
  return (
    <span>
      {formatCount(erasure.riders)} other {others} on it
    </span>
  );
}

function Body({ erasure }: { erasure: Erasure }) {
  const { totals } = erasure;
  return (
    <>
      <Figures>
        <Figure
          label="Rows removed"
          value={formatCount(totals.rows ?? 0)}
          note={`in ${plural(totals.versions ?? 0, "version")}`}
        />
        <Figure
          label="Decisions removed"
          value={formatCount(totals.decisions ?? 0)}
          note={`and ${plural(totals.labels ?? 0, "label")}`}
        />
        <Figure
          label="Deleted"
          value={formatBytes(totals.bytes ?? 0)}
          note={`${plural(totals.files ?? 0, "file")} rewritten`}
        />
        <Figure
          label="Residue found"
          value={phaseReached(erasure, "verified") ? formatCount(totals.residue ?? 0) : "–"}
          note="by reading every stored byte"
        />
      </Figures>
      <Columns wide>
        <Panel title="Phases" note={erasure.blocked ?? undefined}>
          <Phases phases={erasure.phases} />
        </Panel>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Panel title="Models replaced">
            {Object.keys(erasure.replacements).length === 0 && "None so far."}
            {Object.entries(erasure.replacements).map(([old, fresh]) => (
              <p key={old} style={{ margin: "4px 0" }}>
                <RefLink ref_={old} /> → <RefLink ref_={fresh} />
              </p>
            ))}
          </Panel>
          {erasure.certified && <CertificatePanel id={erasure.id} />}
        </div>
      </Columns>
    </>
  );
}

const phaseReached = (erasure: Erasure, name: string): boolean =>
  erasure.phases.some((phase) => phase.name === name && phase.state === "done");
