import { formatNumber } from "@/design/format";
import { labelOf, RefLink } from "@/design/ref-link";
import styles from "./decision-tree.module.css";

interface TraceNode {
  ref: string;
  kind: string;
  relation: string;
  facts: Record<string, unknown>;
  children: TraceNode[];
  repeated?: boolean;
}

const LINKED = new Set(["release", "model", "run", "dataset", "code", "service"]);
const MOST_FACTS = 8;

/** The tree from one decision down to code and rows. */
export function DecisionTree({ tree }: { tree: Record<string, unknown> }) {
  return (
    <ul className={styles.tree}>
      <Branch node={tree.root as unknown as TraceNode} />
    </ul>
  );
}

function Branch({ node }: { node: TraceNode }) {
  return (
    <li data-kind={node.kind}>
      <div className={styles.line}>
        {node.relation && <span className={styles.relation}>{node.relation}</span>}
        <span className={styles.kind}>{node.kind}</span>
        {LINKED.has(node.kind) ? <RefLink ref_={node.ref} /> : <code>{labelOf(node.ref)}</code>}
      </div>
      <Facts facts={node.facts} />
      {node.repeated && <p className={styles.repeated}>shown above</p>}
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

function Facts({ facts }: { facts: Record<string, unknown> }) {
  const shown = Object.entries(facts)
    .filter(([, value]) => value !== null && value !== "")
    .slice(0, MOST_FACTS);
  if (shown.length === 0) return null;
  return (
    <dl className={styles.facts}>
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{write(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function write(value: unknown): string {
  if (typeof value === "number")
    return Number.isInteger(value) ? String(value) : formatNumber(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
