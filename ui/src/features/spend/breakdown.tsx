import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Empty } from "@/design/empty";
import { Loaded } from "@/design/loaded";
import { formatMoney } from "@/design/money";
import { Panel } from "@/design/panel";
import { labelOf, RefLink } from "@/design/ref-link";
import { PROPERTIES, type Property, spendByQuery } from "./queries";
import styles from "./spend.module.css";

const SPANS = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "", label: "All" },
];
const MOST = 20;

/** Spend told apart by one property, the most first. */
export function Breakdown() {
  const [by, setBy] = useState<Property>("project");
  const [span, setSpan] = useState("30");
  const query = useQuery(spendByQuery(by, span ? Number(span) : null));
  return (
    <Panel
      title="What it went to"
      note={NOTES[by] ?? "By event time, in the prices of the day."}
      aside={
        <div className={styles.controls}>
          <SegmentedControl size="xs" data={SPANS} value={span} onChange={setSpan} />
          <SegmentedControl
            size="xs"
            data={[...PROPERTIES]}
            value={by}
            onChange={(value) => setBy(value as Property)}
          />
        </div>
      }
      flush
    >
      <Loaded query={query}>
        {({ lines, currency }) =>
          lines.length === 0 ? (
            <Empty title="Nothing was spent on any" />
          ) : (
            <ul className={styles.shares}>
              {lines.slice(0, MOST).map((line) => (
                <li key={line.key.join("/")}>
                  <span className={styles.name} title={line.key.join(" / ")}>
                    {line.ref ? (
                      <RefLink ref_={line.ref}>{labelOf(line.ref)}</RefLink>
                    ) : (
                      line.key.filter((part) => part !== "–").join(" / ") || "–"
                    )}
                  </span>
                  <span className={styles.track}>
                    <i style={{ width: `${(line.micros / (lines[0]?.micros || 1)) * 100}%` }} />
                  </span>
                  <span className={styles.sum}>{formatMoney(line.micros, currency)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

const NOTES: Partial<Record<Property, string>> = {
  model: "What the runs that made them spent.",
  erasure: "What retraining after a withdrawal spent.",
  cause: "Why the runs existed.",
};
