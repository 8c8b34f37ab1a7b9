import type { Schemas } from "@/api/client";
import { formatCompact, formatShare } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { cssColorOfModel } from "./palette";
import styles from "./split.module.css";

/** How a service's traffic is shared out right now. */
export function Split({ arms }: { arms: Schemas["Arm"][] }) {
  return (
    <div>
      <div className={styles.bar} aria-hidden="true">
        {arms.map((arm) => (
          <span
            key={arm.arm}
            style={{ flexGrow: arm.weight, background: cssColorOfModel(arm.model) }}
            data-flowing={arm.weight > 0 || undefined}
          />
        ))}
      </div>
      <ul className={styles.arms}>
        {arms.map((arm) => (
          <li key={arm.arm}>
            <span className={styles.mark} style={{ background: cssColorOfModel(arm.model) }} />
            <span className={styles.share}>{formatShare(arm.weight)}</span>
            <RefLink ref_={arm.model} />
            <span className={styles.role}>{arm.arm}</span>
            {arm.served !== null && arm.served !== undefined && (
              <span className={styles.served}>{formatCompact(arm.served)} answered</span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
