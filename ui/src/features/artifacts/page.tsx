import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Code } from "@/design/code";
import { capitalize, formatBytes } from "@/design/format";
import { LineageButton } from "@/design/lineage-button";
import { Loaded } from "@/design/loaded";
import { Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { ArtifactView } from "./preview";
import { artifactQuery } from "./queries";

/** One artefact: a look into what a step gave. */
export function ArtifactPage() {
  const { digest = "" } = useParams({ strict: false });
  const query = useQuery(artifactQuery(digest));
  const preview = query.data;
  return (
    <Page
      title={preview ? capitalize(preview.kind) : "Artefact"}
      within={{ to: "/runs", label: "Runs" }}
      lead={
        preview && (
          <>
            <Code value={digest} />
            <span>
              {preview.type}, kept as {preview.codec}, {formatBytes(preview.size_bytes)}
            </span>
          </>
        )
      }
      aside={<LineageButton ref_={`artifact:${digest}`} />}
    >
      <Loaded query={query}>
        {(preview) => (
          <Panel>
            <ArtifactView preview={preview} />
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}
