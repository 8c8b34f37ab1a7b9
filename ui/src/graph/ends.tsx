import { Handle, Position } from "@xyflow/react";
import type { ReactNode } from "react";
import styles from "./canvas.module.css";

/** Where edges end and begin on a node: its sides, or its top and bottom where the graph runs down. */
export function Ends({ down, children }: { down: boolean; children: ReactNode }) {
  return (
    <>
      <Handle
        type="target"
        position={down ? Position.Top : Position.Left}
        className={styles.handle}
      />
      {children}
      <Handle
        type="source"
        position={down ? Position.Bottom : Position.Right}
        className={styles.handle}
      />
    </>
  );
}
