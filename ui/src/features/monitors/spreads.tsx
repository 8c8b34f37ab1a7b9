import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "@/api/client";
import { SpreadBars } from "@/charts/spread";
import { formatNumber } from "@/design/format";
import { Panel } from "@/design/panel";
import { spreadsQuery } from "./queries";
import styles from "./spreads.module.css";

const SHOWN = 12;

/** The watched columns of the newest window, the most unusual first. */
export function Spreads({ monitor }: { monitor: string }) {
  const { data = [] } = useQuery(spreadsQuery(monitor));
  if (data.length === 0) return null;
  const rest = data.length - SHOWN;
  return (
    <Panel
      title="The newest window beside the training rows"
      note="Bars are the window's shares, marks those of training. Ranges of numbers hold about equal shares of the training rows; missing values come last."
    >
      <ul className={styles.grid}>
        {data.slice(0, SHOWN).map((one) => (
          <li key={one.column}>
            <p className={styles.name}>
              <span>{one.column}</span>
              <span className={styles.told}>{toldOf(one)}</span>
            </p>
            <SpreadBars spread={one} />
          </li>
        ))}
      </ul>
      {rest > 0 && <p className={styles.told}>and {rest} more that are less unusual</p>}
    </Panel>
  );
}

function toldOf(one: Schemas["Spread"]): string {
  if (one.p == null) return `distance ${formatNumber(one.distance)}`;
  return `p ${one.p < 0.0001 ? "< 0.0001" : formatNumber(one.p)}`;
}
