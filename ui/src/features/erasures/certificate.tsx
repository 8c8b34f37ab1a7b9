import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Code } from "@/design/code";
import { Fact, Facts } from "@/design/facts";
import { formatBytes, formatCount, plural } from "@/design/format";
import { SaveIcon } from "@/design/icons";
import { Json } from "@/design/json";
import { Loaded } from "@/design/loaded";
import { Panel } from "@/design/panel";
import { EventTime } from "@/design/time";
import styles from "./certificate.module.css";
import { certificateQuery } from "./queries";

/** What is read from the signed document here; all of it is below, as it was signed. */
export interface Signed {
  certified_at?: string;
  key_id?: string;
  signature?: string;
  riders?: unknown[];
  verification?: { places?: number; size_bytes?: number; residue?: unknown[] };
  log?: { checkpoint?: { size?: number; root?: string }; entries?: unknown[] };
  out_of_reach?: unknown[];
}

/** The signed statement: what it comes to, what it does not speak for, and the document itself. */
export function CertificatePanel({ id }: { id: string }) {
  return (
    <Loaded query={useQuery(certificateQuery(id))}>
      {({ certificate }) => (
        <Panel
          title="Certificate"
          note="Signed; it verifies offline with the public key."
          aside={
            <Group gap="xs">
              <Button
                component="a"
                size="xs"
                variant="subtle"
                href={`/api/v1/erasures/${id}/certificate.html`}
                target="_blank"
                rel="noopener"
              >
                Read and print
              </Button>
              <Button
                component="a"
                size="xs"
                variant="light"
                leftSection={<SaveIcon size={14} />}
                href={`data:application/json,${encodeURIComponent(JSON.stringify(certificate, null, 2))}`}
                download={`erasure-${id}.json`}
              >
                Save
              </Button>
            </Group>
          }
        >
          <Said signed={certificate as Signed} />
          <details className={styles.whole}>
            <summary>The signed document</summary>
            <Json value={certificate} />
          </details>
        </Panel>
      )}
    </Loaded>
  );
}

function Said({ signed }: { signed: Signed }) {
  const beyond = signed.out_of_reach ?? [];
  const checkpoint = signed.log?.checkpoint;
  return (
    <>
      <Facts>
        <Fact name="Certified">
          <EventTime at={signed.certified_at} />
        </Fact>
        <Fact name="For">{plural(1 + (signed.riders?.length ?? 0), "subject")}</Fact>
        <Fact name="Read again">{readAgain(signed)}</Fact>
        <Fact name="Proven in the log">
          {plural(signed.log?.entries?.length ?? 0, "entry", "entries")} of{" "}
          {formatCount(checkpoint?.size ?? 0)}
        </Fact>
        <Fact name="Log root">
          <Code value={checkpoint?.root ?? ""} />
        </Fact>
        <Fact name="Key">
          <Code value={signed.key_id ?? ""} />
        </Fact>
      </Facts>
      {beyond.length > 0 && (
        <>
          <h3 className={styles.beyond}>It does not speak for</h3>
          <ul className={styles.list}>
            {beyond.map((one) => (
              <li key={String(one)}>{String(one)}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** What the last reading of all stored bytes came to. */
export function readAgain({ verification }: Signed): string {
  const residue = verification?.residue?.length ?? 0;
  const found = residue === 0 ? "nothing found" : `found in ${plural(residue, "place")}`;
  const size = formatBytes(verification?.size_bytes ?? 0);
  return `${plural(verification?.places ?? 0, "place")}, ${size}: ${found}`;
}
