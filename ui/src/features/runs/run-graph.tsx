import { useNavigate } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { pathOf } from "@/design/ref-link";
import { Canvas } from "@/graph/canvas";
import { CARD } from "@/graph/size";
import { RunNode } from "./run-node";

const NODE_TYPES = { call: RunNode };
const LEAST = 200;

/** A run's calls, those to come included, as they are now. A click leads to the run behind a node. */
export default function RunGraph({ graph }: { graph: Schemas["RunGraph"] }) {
  const navigate = useNavigate();
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const pick = (id: string) => {
    const node = byId.get(id);
    const to = node && wayTo(node);
    if (to) void navigate({ to });
  };
  return (
    <Canvas
      shape={{
        ids: graph.nodes.map((node) => node.id),
        edges: graph.edges.map(({ source, target }) => ({ source, target })),
      }}
      size={CARD}
      kind="call"
      nodeTypes={NODE_TYPES}
      data={(id, down) => ({ node: byId.get(id), down })}
      onPick={pick}
      least={LEAST}
    >
      {graph.truncated
        ? "More calls than are drawn."
        : graph.folded && "Calls of one step are drawn as one."}
    </Canvas>
  );
}

/** Where a node leads: to what it stands for, or to its run; a search has a page of its own. */
function wayTo(node: Schemas["RunNode"]): string | null {
  if (node.ref) return pathOf(node.ref);
  if (!node.run) return null;
  return node.kind === "search" ? `/searches/${node.run}` : pathOf(`run:${node.run}`);
}
