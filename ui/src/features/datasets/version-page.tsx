import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
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
import { Profile } from "./profile";
import { datasetVersionQuery } from "./queries";

/** One version of a data set: its profile, its revisions, and who read it. */
export function VersionPage() {
  const params = useParams({ strict: false });
  const [name, number] = [params.name ?? "", Number(params.number)];
  const query = useQuery(datasetVersionQuery(name, number));
  return (
    <Page
      title={`${name}@${number}`}
      within={{ to: `/datasets/${name}`, label: name }}
      lead={
        query.data && query.data.revision > 1 ? (
          <State
            state="revised"
            tone="warn"
            label={`revision ${query.data.revision}: an erasure removed rows from it`}
          />
        ) : null
      }
      aside={<LineageButton ref_={`dataset:${name}@${number}`} />}
    >
      <Loaded query={query}>{(version) => <Body version={version} />}</Loaded>
      <Profile name={name} number={number} />
    </Page>
  );
}

function Body({ version }: { version: Schemas["DatasetVersionDetail"] }) {
  return (
    <>
      <Figures>
        <Figure label="Rows" value={formatCount(version.rows)} />
        <Figure label="Added" value={`+${formatCount(version.added_rows)}`} note={version.mode} />
        <Figure label="Size" value={formatBytes(version.bytes)} />
        <Figure label="Files" value={version.files} />
      </Figures>
      <Columns>
        <Panel title="Content over time">
          <Facts>
            {version.revisions.map((one) => (
              <Fact key={one.revision} name={`Revision ${one.revision}`}>
                <Code value={one.digest} /> {one.reason} <Ago at={one.at} />
              </Fact>
            ))}
          </Facts>
        </Panel>
        <Panel title="Read by">
          {version.used_by.length === 0 ? (
            "No run has read it."
          ) : (
            <RefList refs={version.used_by} />
          )}
        </Panel>
      </Columns>
    </>
  );
}
