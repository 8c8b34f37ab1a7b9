import type { Node, NodeProps } from "@xyflow/react";
import type { Schemas } from "@/api/client";
import { humanize } from "@/design/format";
import {
  ArtefactIcon,
  CodeIcon,
  DataIcon,
  FeatureIcon,
  type Icon,
  LineageIcon,
  ModelIcon,
  ReleaseIcon,
  RunIcon,
} from "@/design/icons";
import { toneOf } from "@/design/tone";
import { Ends } from "@/graph/ends";
import styles from "./graph.module.css";

export type NodeOfGraph = Node<
  { node: Schemas["LineageNode"]; root: boolean; down: boolean },
  "lineage"
>;

const ICONS: Record<string, Icon> = {
  dataset: DataIcon,
  features: FeatureIcon,
  feature_service: FeatureIcon,
  run: RunIcon,
  code: CodeIcon,
  model: ModelIcon,
  release: ReleaseIcon,
  artifact: ArtefactIcon,
};

/** A node: what it is, what it is called, and where it stands. */
export function LineageNode({ data: { node, root, down } }: NodeProps<NodeOfGraph>) {
  const Icon = ICONS[node.kind] ?? LineageIcon;
  return (
    <div className={styles.node} data-kind={node.kind} data-root={root || undefined}>
      <Ends down={down}>
        <span className={styles.icon}>
          <Icon size={17} stroke={1.7} />
        </span>
        <span className={styles.words}>
          <span className={styles.title}>{node.title}</span>
          <span className={styles.detail}>
            {node.state && <i data-tone={toneOf(node.state)}>{humanize(node.state)}</i>}
            {node.detail || node.kind}
          </span>
        </span>
      </Ends>
    </div>
  );
}
