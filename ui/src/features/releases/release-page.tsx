import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { CommandButton } from "@/design/command-button";
import { Empty } from "@/design/empty";
import { Fact, Facts } from "@/design/facts";
import { capitalize } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { type Column, Table } from "@/design/table";
import { Ago } from "@/design/time";
import styles from "./page.module.css";
import { releaseQuery } from "./queries";
import { Standing } from "./standing";

type Detail = Schemas["ReleaseDetail"];
type Row = Schemas["Contracts"];
type Difference = Schemas["ReleaseDifference"];

const DIFFERENCES: Column<Difference>[] = [
  { id: "kind", header: "What", value: (one) => one.kind, show: (one) => capitalize(one.kind) },
  { id: "name", header: "Name", value: (one) => one.name, show: (one) => <b>{one.name}</b> },
  { id: "before", header: "Before", value: (one) => one.before ?? "", show: pinOf("before") },
  { id: "after", header: "Here", value: (one) => one.after ?? "", show: pinOf("after") },
];

function pinOf(side: "before" | "after") {
  return (one: Difference) => {
    const ref = one[side];
    return ref ? <RefLink ref_={ref} /> : "–";
  };
}

/** One release: what is in it, who relies on it, and what it changed. */
export function ReleasePage() {
  const number = Number(useParams({ strict: false }).number);
  const query = useQuery(releaseQuery(number));
  const release = query.data?.release;
  return (
    <Page
      title={release ? `${release.environment} ${release.number}` : `Release ${number}`}
      within={{ to: "/releases", label: "Releases" }}
      lead={
        release && (
          <>
            <Standing release={release} />
            <span>
              {release.reason}, <Ago at={release.created_at} />
            </span>
          </>
        )
      }
      aside={release && <Actions release={release} />}
    >
      <Loaded query={query}>{(detail) => <Body detail={detail} />}</Loaded>
    </Page>
  );
}

function Actions({ release }: { release: Schemas["Release"] }) {
  return (
    <>
      {release.standing === "default" && (
        <CommandButton label="Roll back" command="towpath release rollback" />
      )}
      {release.standing === "before" && (
        <CommandButton
          label="Roll back to this"
          command={`towpath release rollback ${release.number}`}
        />
      )}
      {release.standing === "beside" && (
        <CommandButton label="Drain" command={`towpath release drain ${release.number}`} />
      )}
      <LineageButton ref_={release.ref} />
    </>
  );
}

function Body({ detail }: { detail: Detail }) {
  const { release } = detail;
  return (
    <>
      <Columns>
        <Panel title="Pins">
          <Facts>
            {Object.entries(release.services).map(([service, model]) => (
              <Fact key={service} name={service}>
                <RefLink ref_={model} />
              </Fact>
            ))}
            {detail.features.map((ref) => (
              <Fact key={ref} name="Features">
                <RefLink ref_={ref} />
              </Fact>
            ))}
            {detail.code.map((ref) => (
              <Fact key={ref} name="Code">
                <RefLink ref_={ref} />
              </Fact>
            ))}
          </Facts>
        </Panel>
        <Findings detail={detail} />
      </Columns>
      <Panel
        title="Contracts"
        note="What each program needs, held to the model that answers it, as things are now."
        flush
      >
        {detail.contracts.length === 0 ? (
          <Empty title="No program goes with this release">
            Declare consumers with their contracts, and release a version of one with a model:{" "}
            <code>towpath release deploy --service-version NAME@VERSION</code>
          </Empty>
        ) : (
          <Table rows={detail.contracts} columns={matrixOf(Object.keys(release.services))} />
        )}
      </Panel>
      {detail.against != null && (
        <Panel title={`Since ${release.environment} ${detail.against}`} flush>
          {detail.differences.length === 0 ? (
            <Empty title="Both pin the same" />
          ) : (
            <Table rows={detail.differences} columns={DIFFERENCES} />
          )}
        </Panel>
      )}
    </>
  );
}

function Findings({ detail }: { detail: Detail }) {
  return (
    <Panel title="Check" note="What would be said if it were to go in force now.">
      {detail.findings.length === 0 ? (
        <State state="pass" label="passes" />
      ) : (
        <ul className={styles.findings}>
          {detail.findings.map((one) => (
            <li key={one.problem}>
              <State
                state={one.verdict}
                tone={one.verdict === "refused" ? "bad" : "warn"}
                label={one.verdict}
              />
              <p>{one.problem}.</p>
              <p className={styles.remedy}>{one.remedy}</p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** A column for each service; a cell says whether the contract holds. */
function matrixOf(services: string[]): Column<Row>[] {
  return [
    {
      id: "version",
      header: "Program",
      value: (one) => one.service_version,
      show: (one) => <b>{one.service_version}</b>,
    },
    ...services.map(
      (service): Column<Row> => ({
        id: service,
        header: service,
        value: (one) => one.verdicts[service] ?? "",
        show: (one) => <Verdict verdict={one.verdicts[service]} />,
      }),
    ),
    {
      id: "asked",
      header: "Asked last",
      value: (one) => one.asked ?? "",
      show: (one) => (one.asked ? <Ago at={one.asked} /> : "–"),
      align: "right",
      wide: true,
    },
  ];
}

function Verdict({ verdict }: { verdict: string | undefined }) {
  if (!verdict) return <>–</>;
  if (verdict === "ok") return <State state="pass" label="holds" />;
  return <State state={verdict} tone={verdict === "refused" ? "bad" : "warn"} label={verdict} />;
}
