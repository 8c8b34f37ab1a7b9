import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { formatBytes, formatCount } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { RefList } from "@/design/ref-list";
import { State } from "@/design/state";
import { Ago } from "@/design/time";
import { Change } from "./change";
import styles from "./page.module.css";
import { Profile } from "./profile";
import { Quality } from "./quality";
import { datasetVersionQuery } from "./queries";
import { bare } from "./surroundings";

type Version = Schemas["DatasetVersionDetail"];

/** One version of a data set: how its rows did, its profile, its revisions, and who read it. */
export function VersionPage() {
  const params = useParams({ strict: false });
  const [name, number] = [params.name ?? "", Number(params.number)];
  const query = useQuery(datasetVersionQuery(name, number));
  return (
    <Page
      title={`${name}@${number}`}
      within={{ to: `/datasets/${name}`, label: name }}
      lead={query.data && <Lead version={query.data} />}
      aside={
        <>
          {query.data?.before && <CompareButton version={query.data} before={query.data.before} />}
          <LineageButton ref_={`dataset:${name}@${number}`} />
        </>
      }
    >
      <Loaded query={query}>{(version) => <Body version={version} />}</Loaded>
      {query.data?.state !== "collected" && <Profile name={name} number={number} />}
    </Page>
  );
}

function Lead({ version }: { version: Version }) {
  return (
    <>
      {version.tags.map((tag) => (
        <State key={tag} state={tag} tone="active" />
      ))}
      {version.state === "collected" && (
        <State state="collected" tone="idle" label="collected: its rows are gone" />
      )}
      {version.revision > 1 && (
        <State
          state="revised"
          tone="warn"
          label={`revision ${version.revision}: an erasure removed rows from it`}
        />
      )}
    </>
  );
}

function CompareButton({ version, before }: { version: Version; before: string }) {
  const search = new URLSearchParams({ before: bare(before), after: bare(version.ref) });
  const trunk = version.dataset.split("~")[0];
  return (
    <Button component={Link} to={`/datasets/${trunk}/diff?${search}`} variant="default" size="sm">
      What changed
    </Button>
  );
}

function Body({ version }: { version: Version }) {
  return (
    <>
      <Figures>
        <Figure label="Rows" value={formatCount(version.rows)} />
        <Figure
          label="Changed"
          value={<Change version={version} none="nothing" />}
          note={`by ${version.mode}`}
        />
        <Figure label="Size" value={formatBytes(version.bytes)} />
        <Figure
          label="Files"
          value={formatCount(version.files)}
          note={version.layers > 1 ? `read through ${version.layers} layers` : undefined}
        />
      </Figures>
      {version.checks ? (
        <Columns>
          <Quality report={version.checks} />
          <div className={styles.side}>
            <Content version={version} />
            <Readers version={version} />
          </div>
        </Columns>
      ) : (
        <Columns>
          <Content version={version} />
          <Readers version={version} />
        </Columns>
      )}
    </>
  );
}

function Content({ version }: { version: Version }) {
  return (
    <Panel title="Content over time" note="Each erasure that touched it left a revision.">
      {version.layers > 1 && (
        <p className={styles.hint}>
          Changes lie in layers over the rows. Reads are faster once they are one:{" "}
          <Code
            value={`towpath dataset compact ${version.dataset}`}
            short={`towpath dataset compact ${version.dataset}`}
          />
        </p>
      )}
      <Facts>
        {version.revisions.map((one) => (
          <Fact key={one.revision} name={`Revision ${one.revision}`}>
            <Code value={one.digest} /> {one.reason} <Ago at={one.at} />
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}

function Readers({ version }: { version: Version }) {
  return (
    <Panel title="Read by">
      {version.used_by.length === 0 ? "No run has read it." : <RefList refs={version.used_by} />}
    </Panel>
  );
}
