import dagre from "@dagrejs/dagre";
import type { Schemas } from "@/api/client";

export const NODE_WIDTH = 212;
export const NODE_HEIGHT = 64;

export interface Place {
  x: number;
  y: number;
}

/** Where each node goes: layers along the flow of data, from left to right, or downwards. */
export function placed(graph: Schemas["LineageGraph"], down: boolean): Map<string, Place> {
  const layout = new dagre.graphlib.Graph();
  layout.setGraph({ rankdir: down ? "TB" : "LR", nodesep: 22, ranksep: down ? 44 : 74 });
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
