import type { Schemas } from "@/api/client";
import { formatNumber } from "@/design/format";
import { RefLink } from "@/design/ref-link";
import { State } from "@/design/state";
import type { Column } from "@/design/table";
import { EventTime } from "@/design/time";
import styles from "./page.module.css";

type Decision = Schemas["DecisionRow"];
type Page = Schemas["DecisionRows"];

/** The columns of some pages: what every decision has, then each input, answer, and outcome there is. */
export function columnsOf(pages: Page[]): Column<Decision>[] {
  return [
    {
      id: "at",
      header: "At",
      value: (one) => one.at,
      show: (one) => (
        <span className={styles.whole}>
          <EventTime at={one.at} />
        </span>
      ),
    },
    {
      id: "status",
      header: "Status",
      value: (one) => one.status,
      show: (one) => (
        <State
          state={one.status}
          tone={one.status === "ok" ? "good" : "bad"}
          label={one.error ?? one.status}
        />
      ),
      wide: true,
    },
    {
      id: "model",
      header: "Model",
      value: (one) => one.model,
      show: (one) => <RefLink ref_={one.model} />,
    },
    { id: "arm", header: "Arm", value: (one) => one.arm, wide: true },
    {
      id: "key",
      header: "Key",
      value: (one) => one.key,
      show: (one) => <span className={styles.whole}>{one.key ?? "–"}</span>,
      wide: true,
    },
    ...namesIn(pages, "outputs").map((name) => number(`→ ${name}`, (one) => one.outputs[name])),
    number("label", (one) => one.label),
    ...namesIn(pages, "signals").map((name) => number(name, (one) => one.signals[name])),
    ...namesIn(pages, "inputs").map((name) => ({
      ...number(name, (one) => one.inputs[name]),
      id: `input.${name}`,
      wide: true,
    })),
    ...(pages.some((page) => page.decisions.some((one) => one.weight !== 1))
      ? [number("stands for", (one) => one.weight)]
      : []),
  ];
}

/** Names that any of the pages has, in the order in which they first come. */
export function namesIn(pages: Page[], what: "inputs" | "outputs" | "signals"): string[] {
  return [...new Set(pages.flatMap((page) => page[what]))];
}

function number(header: string, of: (one: Decision) => unknown): Column<Decision> {
  return {
    id: header,
    header,
    value: (one) => {
      const value = of(one);
      return typeof value === "number" || typeof value === "string" ? value : null;
    },
    show: (one) => written(of(one)),
    align: "right",
  };
}

/** A value of a row; a dash where it is missing. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? formatNumber(value) : String(value);
}
