import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { shorten } from "./format";
import styles from "./ref-link.module.css";

export interface ParsedRef {
  kind: string;
  name: string;
  number: string | null;
}

/** Read `kind:name@number`. */
export function parseRef(ref: string): ParsedRef {
  const colon = ref.indexOf(":");
  const rest = ref.slice(colon + 1);
  const at = rest.lastIndexOf("@");
  return {
    kind: colon < 0 ? "" : ref.slice(0, colon),
    name: at < 0 ? rest : rest.slice(0, at),
    number: at < 0 ? null : rest.slice(at + 1),
  };
}

/** A reference as people read it: no kind, ids shortened. */
export function labelOf(ref: string): string {
  const { name, number } = parseRef(ref);
  if (number !== null) return `${name}@${number}`;
  if (/^[0-9a-f-]{32,}$/.test(name)) return shorten(name, 12);
  // What belongs to something else is named after it, with an id at the end that nobody reads.
  return name.replace(/\.([0-9a-f]{8})-?[0-9a-f-]{24,}$/, ".$1…");
}

/** The page that shows a reference; the lineage graph where there is no page of its own. */
export function pathOf(ref: string): string {
  const { kind, name, number } = parseRef(ref);
  switch (kind) {
    case "dataset":
      return number ? `/datasets/${name}/${number}` : `/datasets/${name}`;
    case "features":
      return `/features/${name}`;
    case "feature_service":
      return `/features/services/${name}`;
    case "label_queue":
      return `/labels/${name}`;
    case "model":
      return number ? `/models/${name}/${number}` : `/models/${name}`;
    case "artifact":
      return `/artifacts/${name}`;
    case "run":
      return `/runs/${name}`;
    case "release":
      return number ? `/releases/${number}` : "/releases";
    case "service":
      return "/releases";
    case "rollout":
      return `/rollouts/${name}`;
    case "monitor":
      return `/monitors/${name}`;
    case "backfill":
      return `/backfills/${name}`;
    case "schedule":
    case "trigger":
      return "/schedules";
    case "webhook":
      return "/webhooks";
    case "project":
      return `/projects/${name}`;
    case "erasure":
      return `/erasures/${name}`;
    case "decision":
      return `/decisions/${name}`;
    case "alert":
      return `/alerts/${name}`;
    case "incident":
      return `/incidents/${name}`;
    default:
      return lineageOf(ref);
  }
}

/** The lineage around a reference. */
export function lineageOf(ref: string): string {
  const { kind, name } = parseRef(ref);
  if (kind === "decision") return `/lineage?decision=${name}`;
  return `/lineage?ref=${encodeURIComponent(ref)}`;
}

interface RefLinkProps {
  ref_: string;
  children?: ReactNode;
}

/** A link to whatever a reference names. */
export function RefLink({ ref_, children }: RefLinkProps) {
  const [to, query] = pathOf(ref_).split("?");
  return (
    <Link
      to={to as string}
      search={query ? Object.fromEntries(new URLSearchParams(query)) : undefined}
      className={styles.link}
      data-kind={parseRef(ref_).kind}
      title={ref_}
    >
      {children ?? labelOf(ref_)}
    </Link>
  );
}
