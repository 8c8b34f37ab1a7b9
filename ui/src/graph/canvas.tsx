import "@xyflow/react/dist/style.css";
import { useMediaQuery } from "@mantine/hooks";
import {
  Background,
  Controls,
  MarkerType,
  type Node,
  type NodeTypes,
  ReactFlow,
} from "@xyflow/react";
import type { ReactNode } from "react";
import { useMemo } from "react";
import styles from "./canvas.module.css";
import { placed, type Shape, type Size } from "./layout";

interface CanvasProps<T extends Record<string, unknown>> {
  shape: Shape;
  size: Size;
  /** What each node shows, given whether the graph runs downwards. */
  data: (id: string, down: boolean) => T;
  nodeTypes: NodeTypes;
  /** The one kind of node that is drawn. */
  kind: string;
  onPick: (id: string) => void;
  /** Least height, for graphs that stand alone. */
  least?: number;
  children?: ReactNode;
}

/**
 * A graph that can be moved and zoomed, laid out by dagre. Only a change of its shape lays it out
 * anew: states may change every second without anything moving. On narrow screens words stay large enough
 * to be read, and the rest is moved into view.
 */
export function Canvas<T extends Record<string, unknown>>(props: CanvasProps<T>) {
  const { shape, size, data, kind, onPick, least = 320, children } = props;
  const down = useMediaQuery("(width < 760px)", false, { getInitialValueInEffect: false });
  const form = JSON.stringify(shape);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `form` stands for the shape
  const places = useMemo(() => placed(shape, size, down), [form, down]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: likewise
  const edges = useMemo(() => shape.edges.map(drawn), [form]);
  const nodes: Node<T>[] = shape.ids.map((id) => ({
    id,
    type: kind,
    position: places.get(id) ?? { x: 0, y: 0 },
    data: data(id, down),
  }));
  const bottom = Math.max(0, ...[...places.values()].map(({ y }) => y + size.height));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the nodes inside take the focus
    <div
      className={styles.canvas}
      onKeyDown={(event) => {
        const node = (event.target as HTMLElement).closest<HTMLElement>(".react-flow__node");
        if (event.key === "Enter" && node?.dataset.id) onPick(node.dataset.id);
      }}
      style={{ height: `clamp(${least}px, ${Math.round(bottom) + 140}px, 68vh)` }}
    >
      <ReactFlow
        key={`${form}:${down}`}
        nodes={nodes}
        edges={edges}
        nodeTypes={props.nodeTypes}
        onNodeClick={(_, node) => onPick(node.id)}
        nodesDraggable={false}
        nodesConnectable={false}
        fitView
        fitViewOptions={{ maxZoom: 1, minZoom: down ? 0.55 : 0.15, padding: 0.12 }}
        minZoom={0.15}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={22} size={1.2} color="var(--line-strong)" />
        <Controls showInteractive={false} />
      </ReactFlow>
      {children && <p className={styles.note}>{children}</p>}
    </div>
  );
}

function drawn({ source, target }: { source: string; target: string }) {
  return {
    id: `${source}>${target}`,
    source,
    target,
    className: styles.edge,
    markerEnd: { type: MarkerType.ArrowClosed, color: "var(--line-strong)", width: 16, height: 16 },
  };
}
