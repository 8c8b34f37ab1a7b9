import dagre from "@dagrejs/dagre";

export interface Place {
  x: number;
  y: number;
}

/** A graph as far as its layout goes: edges lead from what is read to what reads it. */
export interface Shape {
  ids: string[];
  edges: { source: string; target: string }[];
}

export interface Size {
  width: number;
  height: number;
}

/** Where each node's upper left corner goes: layers along the flow, to the right or downwards. */
export function placed({ ids, edges }: Shape, size: Size, down: boolean): Map<string, Place> {
  const layout = new dagre.graphlib.Graph();
  layout.setGraph({ rankdir: down ? "TB" : "LR", nodesep: 22, ranksep: down ? 44 : 74 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) layout.setNode(id, { ...size });
  for (const { source, target } of edges) layout.setEdge(source, target);
  dagre.layout(layout);
  return new Map(
    ids.map((id) => {
      const { x, y } = layout.node(id);
      return [id, { x: x - size.width / 2, y: y - size.height / 2 }];
    }),
  );
}
