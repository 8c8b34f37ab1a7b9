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
import { Card } from "@/graph/card";
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
    <Card
      icon={Icon}
      title={node.title}
      detail={
        <>
          {node.state && (
            <i className={styles.state} data-tone={toneOf(node.state)}>
              {humanize(node.state)}
            </i>
          )}
          {node.detail || node.kind}
          {node.more > 0 && <b className={styles.more}>+{node.more.toLocaleString("en")}</b>}
        </>
      }
      down={down}
      className={styles.node}
      kind={node.kind}
      root={root}
    />
  );
}
