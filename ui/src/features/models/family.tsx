import type { Schemas } from "@/api/client";
import { formatNumber, formatShare } from "@/design/format";
import { Panel } from "@/design/panel";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import { Ago } from "@/design/time";
import styles from "./family.module.css";

type Member = Schemas["FamilyMember"];

const MOST_METRICS = 2;

/** What a version was fine-tuned from, and what was fine-tuned from it. */
export function Family({ self, family }: { self: string; family: Member[] }) {
  if (family.length === 0) return null;
  const own = family.find((one) => one.ref === self) ?? family[0];
  const metrics = Object.keys(own?.metrics ?? {}).slice(0, MOST_METRICS);
  return (
    <Panel
      title="Family"
      note="Fine-tuned from each other. What a parent has to forget, its children forget with it."
    >
      <ul className={styles.family}>
        {family.map((one) => (
          <li
            key={one.ref}
            className={styles.member}
            data-self={one.ref === self || undefined}
            style={{ "--depth": one.depth } as React.CSSProperties}
          >
            <span className={styles.name}>
              {one.depth > 0 && <i className={styles.branch} aria-hidden="true" />}
              <RefLink ref_={one.ref} />
              <State state={one.state} />
              {one.traffic > 0 && (
                <State state="live" label={`serves ${formatShare(one.traffic)}`} />
              )}
            </span>
            <span className={styles.metrics}>
              {metrics.map((metric) => (
                <span key={metric}>
                  {metric} <b>{formatNumber(one.metrics[metric])}</b>
                </span>
              ))}
            </span>
            <span className={styles.age}>
              <Ago at={one.created_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
