import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { formatBytes } from "@/design/format";
import { Panel } from "@/design/panel";
import { ArtifactView } from "./preview";
import { artifactQuery } from "./queries";

const MOST = 3;

/** What a step gave, a panel each: of many the first few. */
export function Results({ digests }: { digests: string[] }) {
  return digests.slice(0, MOST).map((digest) => <Result key={digest} digest={digest} />);
}

function Result({ digest }: { digest: string }) {
  const preview = useQuery(artifactQuery(digest)).data;
  if (!preview) return null; // gone with an erasure, or not of the cache: the list names it still
  return (
    <Panel
      title={<Link to={`/artifacts/${digest}`}>Gave a {preview.kind}</Link>}
      note={`${preview.type}, kept as ${preview.codec}`}
      aside={formatBytes(preview.size_bytes)}
    >
      <ArtifactView preview={preview} />
    </Panel>
  );
}
