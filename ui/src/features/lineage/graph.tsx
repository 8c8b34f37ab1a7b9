import "@xyflow/react/dist/style.css";
import { useMediaQuery } from "@mantine/hooks";
import { Background, Controls, MarkerType, ReactFlow } from "@xyflow/react";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import styles from "./graph.module.css";
import { NODE_HEIGHT, placed } from "./layout";
import { LineageNode, type NodeOfGraph } from "./node";

const NODE_TYPES = { lineage: LineageNode };

interface GraphProps {
  graph: Schemas["LineageGraph"];
  onPick: (ref: string) => void;
}

/** The lineage graph, laid out by dagre: sources on the left, what depends on them on the right. */
export default function Graph({ graph, onPick }: GraphProps) {
  const down = useMediaQuery("(width < 760px)", false, { getInitialValueInEffect: false });
  const { nodes, edges } = useMemo(() => flowOf(graph, down), [graph, down]);
  return (
    <div className={styles.canvas} style={{ height: heightOf(nodes) }}>
      <ReactFlow
        key={`${graph.root}:${graph.nodes.length}:${down}`}
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        onNodeClick={(_, node) => onPick(node.id)}
        nodesDraggable={false}
        nodesConnectable={false}
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.12 }}
        minZoom={0.15}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={22} size={1.2} color="var(--line-strong)" />
        <Controls showInteractive={false} />
      </ReactFlow>
      {graph.truncated && <p className={styles.truncated}>More nodes than are drawn.</p>}
    </div>
  );
}

/** As tall as the graph asks for, within reason. */
function heightOf(nodes: NodeOfGraph[]): string {
  const bottom = Math.max(0, ...nodes.map((node) => node.position.y + NODE_HEIGHT));
  return `clamp(320px, ${Math.round(bottom) + 140}px, 68vh)`;
}

function flowOf(graph: Schemas["LineageGraph"], down: boolean) {
  const places = placed(graph, down);
  const nodes: NodeOfGraph[] = graph.nodes.map((node) => ({
    id: node.ref,
    type: "lineage",
    position: places.get(node.ref) ?? { x: 0, y: 0 },
    data: { node, root: node.ref === graph.root, down },
  }));
  const edges = graph.edges.map((edge) => ({
    id: `${edge.parent}>${edge.child}`,
    source: edge.parent,
    target: edge.child,
    className: styles.edge,
    markerEnd: { type: MarkerType.ArrowClosed, color: "var(--line-strong)", width: 16, height: 16 },
  }));
  return { nodes, edges };
}
