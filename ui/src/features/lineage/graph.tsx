import type { Schemas } from "@/api/client";
import { Canvas } from "@/graph/canvas";
import { CARD } from "@/graph/size";
import { LineageNode } from "./node";

const NODE_TYPES = { lineage: LineageNode };

interface GraphProps {
  graph: Schemas["LineageGraph"];
  onPick: (ref: string) => void;
}

/** The lineage graph: sources on the left, what depends on them on the right. */
export default function Graph({ graph, onPick }: GraphProps) {
  const byRef = new Map(graph.nodes.map((node) => [node.ref, node]));
  const shape = {
    ids: graph.nodes.map((node) => node.ref),
    edges: graph.edges.map(({ parent, child }) => ({ source: parent, target: child })),
  };
  return (
    <Canvas
      shape={shape}
      size={CARD}
      kind="lineage"
      nodeTypes={NODE_TYPES}
      data={(id, down) => ({ node: byRef.get(id), root: id === graph.root, down })}
      onPick={onPick}
    >
      {graph.truncated && "There is more than is drawn; each node says how much."}
    </Canvas>
  );
}
