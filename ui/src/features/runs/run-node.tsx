import type { Node, NodeProps } from "@xyflow/react";
import type { Schemas } from "@/api/client";
import {
  ArtefactIcon,
  DataIcon,
  FanIcon,
  type Icon,
  ModelIcon,
  RolloutIcon,
  TuneIcon,
} from "@/design/icons";
import { Card } from "@/graph/card";
import { sharesOf, toneOfCall, wordsOf } from "./progress";
import styles from "./run-graph.module.css";

export type NodeOfRun = Node<{ node: Schemas["RunNode"]; down: boolean }, "call">;

const ICONS: Record<string, Icon> = {
  dataset: DataIcon,
  candidate: ModelIcon,
  model: ModelIcon,
  when: RolloutIcon,
  map: FanIcon,
  search: TuneIcon,
};

/** One call, or several drawn as one: what it is, how far it is, and how its calls are doing. */
export function RunNode({ data: { node, down } }: NodeProps<NodeOfRun>) {
  const shares = sharesOf(node.counts);
  const Icon = ICONS[node.kind] ?? (shares.length > 0 ? FanIcon : ArtefactIcon);
  return (
    <Card
      icon={Icon}
      title={node.title}
      detail={detailOf(node)}
      down={down}
      className={styles.node}
      kind={node.kind}
      tone={toneOfCall(node.state)}
    >
      {shares.length > 0 && (
        <span className={styles.bar}>
          {shares.map(({ state, share }) => (
            <i key={state} data-tone={toneOfCall(state)} style={{ flexGrow: share }} />
          ))}
        </span>
      )}
    </Card>
  );
}

function detailOf(node: Schemas["RunNode"]): string {
  if (node.kind === "model") return node.ref ? `from version ${versionOf(node.ref)}` : "model";
  if (node.kind === "dataset") return node.ref ? `version ${versionOf(node.ref)}` : "data set";
  if (node.kind === "candidate") {
    return node.ref ? `became version ${versionOf(node.ref)}` : "to be judged";
  }
  return wordsOf(node);
}

const versionOf = (ref: string): string => ref.slice(ref.lastIndexOf("@") + 1);
