import { humanize } from "./format";
import { RefLink } from "./ref-link";

/** What asked for a run leads to it where it has a page: `schedule:NAME`, `erasure:ID`, … */
const LEADS = new Set(["schedule", "backfill", "erasure"]);

/** Why a run was started: `manual`, or the kind of what asked for it and its name. */
export function Reason({ reason }: { reason: string }) {
  const colon = reason.indexOf(":");
  if (colon < 0) return <>{humanize(reason)}</>;
  const kind = reason.slice(0, colon);
  const name = reason.slice(colon + 1);
  return (
    <>
      {humanize(kind)} {LEADS.has(kind) ? <RefLink ref_={reason} /> : name}
    </>
  );
}
