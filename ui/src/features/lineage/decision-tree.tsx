import { Code } from "@/design/code";
import { humanize } from "@/design/format";
import { parseRef, RefLink } from "@/design/ref-link";
import { Value } from "@/design/value";
import styles from "./decision-tree.module.css";

interface TraceNode {
  ref: string;
  kind: string;
  relation: string;
  facts: Record<string, unknown>;
  children: TraceNode[];
  repeated?: boolean;
  more?: number;
}

interface Told {
  root: TraceNode;
  reached?: Record<string, number>;
  complete?: boolean;
}

const LINKED = new Set([
  "release",
  "model",
  "run",
  "dataset",
  "code",
  "service",
  "features",
  "feature_service",
  "alert",
  "decision",
  "environment",
]);
const MOST_FACTS = 8;

/** The tree from anything down to code and rows, or on to what came of it. */
export function DecisionTree({ tree }: { tree: Record<string, unknown> }) {
  const { root, reached = {}, complete = true } = tree as unknown as Told;
  const counts = Object.entries(reached).map(
    ([kind, count]) => `${count.toLocaleString("en")} ${humanize(kind).toLowerCase()}`,
  );
  return (
    <>
      {counts.length > 0 && (
        <p className={styles.reached}>
          In all{complete ? "" : ", at least"}: {counts.join(" · ")}
        </p>
      )}
      <ul className={styles.tree}>
        <Branch node={root} />
      </ul>
    </>
  );
}

function Branch({ node }: { node: TraceNode }) {
  return (
    <li data-kind={node.kind}>
      <div className={styles.line}>
        {node.relation && <span className={styles.relation}>{node.relation}</span>}
        <span className={styles.kind}>{node.kind}</span>
        <Name node={node} />
      </div>
      <Facts facts={node.facts} />
      {node.repeated && <p className={styles.repeated}>shown above</p>}
      {node.more ? (
        <p className={styles.repeated}>and {node.more.toLocaleString("en")} more from here</p>
      ) : null}
      {node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Branch key={`${child.relation}:${child.ref}`} node={child} />
          ))}
        </ul>
      )}
    </li>
  );
}

function Name({ node }: { node: TraceNode }) {
  if (LINKED.has(node.kind)) return <RefLink ref_={node.ref} />;
  if (node.kind === "parameters") return null;
  const { name } = parseRef(node.ref);
  return <Code value={name} short={node.kind === "decision" ? name : undefined} />;
}

function Facts({ facts }: { facts: Record<string, unknown> }) {
  const shown = Object.entries(facts)
    .filter(([, value]) => value !== null && value !== "")
    .slice(0, MOST_FACTS);
  if (shown.length === 0) return null;
  return (
    <dl className={styles.facts}>
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{humanize(name)}</dt>
          <dd>
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
