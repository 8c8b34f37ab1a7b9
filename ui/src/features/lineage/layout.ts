import dagre from "@dagrejs/dagre";
import type { Schemas } from "@/api/client";

export const NODE_WIDTH = 196;
export const NODE_HEIGHT = 64;

export interface Place {
  x: number;
  y: number;
}

/** Where each node goes: layers from left to right along the flow of data. */
export function placed(graph: Schemas["LineageGraph"]): Map<string, Place> {
  const layout = new dagre.graphlib.Graph();
  layout.setGraph({ rankdir: "LR", nodesep: 22, ranksep: 74 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) {
    layout.setNode(node.ref, { width: NODE_WIDTH, height: NODE_HEIGHT });
  }
  for (const edge of graph.edges) layout.setEdge(edge.parent, edge.child);
  dagre.layout(layout);
  return new Map(
    graph.nodes.map((node) => {
      const { x, y } = layout.node(node.ref);
      return [node.ref, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }];
    }),
  );
}
