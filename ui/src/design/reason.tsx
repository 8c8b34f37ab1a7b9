import { Link } from "@tanstack/react-router";
import { humanize } from "./format";
import { RefLink } from "./ref-link";

/** What asked for a run leads to it where it has a page: `schedule:NAME`, `erasure:ID`, … */
const LEADS = new Set(["schedule", "backfill", "erasure"]);

/** How alerts are named: after their monitor and the end of their window. */
const ALERT = /\.\d{8}t\d{6}$/;

/** Why a run was started: `manual`, or the kind of what asked for it and its name. */
export function Reason({ reason }: { reason: string }) {
  const colon = reason.indexOf(":");
  if (colon < 0) return <>{humanize(reason)}</>;
  const kind = reason.slice(0, colon);
  const name = reason.slice(colon + 1);
  if (kind === "trigger" && ALERT.test(name)) {
    return (
      <>
        Alert <Link to={`/alerts/${name}`}>{name}</Link>
      </>
    );
  }
  if (kind === "trigger" && name.includes("@")) {
    return (
      <>
        New version <RefLink ref_={`dataset:${name}`} />
      </>
    );
  }
  return (
    <>
      {humanize(kind)} {LEADS.has(kind) ? <RefLink ref_={reason} /> : name}
    </>
  );
}
