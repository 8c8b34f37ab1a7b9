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
import { Ends } from "@/graph/ends";
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
    <div className={styles.node} data-tone={toneOfCall(node.state)} data-kind={node.kind}>
      <Ends down={down}>
        <span className={styles.icon}>
          <Icon size={17} stroke={1.7} />
        </span>
        <span className={styles.words}>
          <span className={styles.title}>{node.title}</span>
          <span className={styles.detail}>{detailOf(node)}</span>
          {shares.length > 0 && (
            <span className={styles.bar}>
              {shares.map(({ state, share }) => (
                <i key={state} data-tone={toneOfCall(state)} style={{ flexGrow: share }} />
              ))}
            </span>
          )}
        </span>
      </Ends>
    </div>
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
