import { SegmentedControl } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { Fact, Facts } from "@/design/facts";
import { formatCount } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { Older } from "@/design/older";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Ago } from "@/design/time";
import { EventList } from "./event-list";
import { eventsQuery, logQuery } from "./queries";

const KINDS = [
  { value: "", label: "Everything" },
  { value: "version.committed", label: "Versions" },
  { value: "route.changed", label: "Traffic" },
  { value: "alert.raised", label: "Alarms" },
  { value: "decision.read", label: "Reads" },
];

/** The ledger's append-only log and what proves it. */
export function LogPage() {
  const [kind, setKind] = useState("");
  const events = useInfiniteQuery(eventsQuery(kind || null));
  const shown = events.data?.pages.flatMap((page) => page.events) ?? [];
  return (
    <Page title="Log" lead="Every fact, in the order it was committed, in one Merkle tree.">
      <Columns wide>
        <Panel
          title="Entries"
          aside={<SegmentedControl size="xs" data={KINDS} value={kind} onChange={setKind} />}
          flush
        >
          <EventList events={shown} />
          <Older query={events}>Older entries</Older>
        </Panel>
        <Loaded query={useQuery(logQuery)}>{(log) => <Proof log={log} />}</Loaded>
      </Columns>
    </Page>
  );
}

function Proof({ log }: { log: Schemas["LogState"] }) {
  const [newest] = log.checkpoints;
  return (
    <Panel
      title="Proof"
      note="Anyone with the public key can check that nothing was changed or left out."
    >
      <Facts>
        <Fact name="Entries">{formatCount(log.size)}</Fact>
        <Fact name="Tree hash">
          <Code value={log.root} />
        </Fact>
        <Fact name="Signing key">
          <Code value={log.key_id} />
        </Fact>
        <Fact name="Last checkpoint">
          {newest ? (
            <>
              {formatCount(newest.size)} entries, <Ago at={newest.at} />
            </>
          ) : (
            "none signed yet"
          )}
        </Fact>
        <Fact name="Public key">
          <Code value={log.public_key_pem.trim()} short="copy as PEM" />
        </Fact>
      </Facts>
    </Panel>
  );
}
