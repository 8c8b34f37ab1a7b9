import type { Schemas } from "@/api/client";
import { Code } from "@/design/code";
import { formatNumber, formatShare, tailOf } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { EventTime } from "@/design/time";
import styles from "./item-card.module.css";

/** What the model was given and, unless the queue is blind, what it answered. */
export function ItemCard({ item }: { item: Schemas["LabelItem"] }) {
  return (
    <div className={styles.item}>
      <p className={styles.origin}>
        <EventTime at={item.at} />
        <span>
          decided by <RefLink ref_={item.model} />
        </span>
        <Code value={item.decision_id} short={tailOf(item.decision_id)} />
      </p>
      <dl className={styles.inputs}>
        {Object.entries(item.inputs).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-missing={value === null || undefined}>{written(value)}</dd>
          </div>
        ))}
      </dl>
      {item.outputs && (
        <ul className={styles.outputs}>
          {Object.entries(item.outputs).map(([name, value]) => (
            <Output key={name} name={name} value={value} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Output({ name, value }: { name: string; value: unknown }) {
  const chance = typeof value === "number" && value >= 0 && value <= 1 ? value : null;
  return (
    <li>
      <span>
        the model said <b>{name}</b>
      </span>
      {chance !== null && (
        <span className={styles.track}>
          <span className={styles.fill} style={{ width: `${chance * 100}%` }} />
        </span>
      )}
      <b>{chance === null ? written(value) : formatShare(chance)}</b>
    </li>
  );
}

function written(value: unknown): string {
  if (value === null || value === undefined) return "missing";
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? value : JSON.stringify(value);
}
