import { Tooltip } from "@mantine/core";
import type { Schemas } from "@/api/client";
import { formatDay } from "@/design/format";
import { formatMoney } from "@/design/money";
import { State } from "@/design/state";
import { depthOf, extentOf, placesOf, warningOf } from "./bar";
import styles from "./spend.module.css";

type Budget = Schemas["BudgetView"];

/** Every budget, below the one that it is part of. */
export function Budgets({ budgets, currency }: { budgets: Budget[]; currency: string }) {
  const highest = Math.min(...budgets.map(depthOf));
  return (
    <ul className={styles.budgets}>
      {budgets.map((budget) => (
        <li key={budget.name} data-depth={depthOf(budget) - highest}>
          <Row budget={budget} currency={currency} />
        </li>
      ))}
    </ul>
  );
}

function Row({ budget, currency }: { budget: Budget; currency: string }) {
  const money = (micros: number) => formatMoney(micros, currency);
  const warning = warningOf(budget);
  const places = placesOf(budget);
  return (
    <>
      <header className={styles.head}>
        <b>{budget.queue || budget.project || "Organisation"}</b>
        {warning && <State state="" tone={warning.tone} label={warning.text} />}
        <span className={styles.amount}>
          {money(budget.spent_micros)}
          {budget.cap_micros != null && (
            <span>
              {" "}
              of {money(budget.cap_micros)} a {budget.period}
            </span>
          )}
        </span>
      </header>
      <Bar budget={budget} currency={currency} />
      <p className={styles.under}>
        {budget.reserved_micros > 0 && <span>{money(budget.reserved_micros)} set aside</span>}
        {budget.forecast_micros != null && (
          <span>
            {money(budget.forecast_micros)} by {formatDay(budget.until)}, at this rate
          </span>
        )}
        {places && <span>{places}</span>}
        {budget.queue && <span>priority {budget.priority}</span>}
        {budget.project && !budget.queue && budget.share !== 1 && (
          <span>fair share {budget.share}</span>
        )}
      </p>
    </>
  );
}

function Bar({ budget, currency }: { budget: Budget; currency: string }) {
  const extent = extentOf(budget);
  if (!extent) return <div className={styles.uncapped}>no cap: spend is recorded only</div>;
  const money = (micros: number) => formatMoney(micros, currency);
  return (
    <div
      className={styles.bar}
      role="img"
      aria-label={`${money(budget.spent_micros)} spent, ${money(budget.reserved_micros)} set aside`}
    >
      <i data-part="spent" style={{ width: `${extent.spent * 100}%` }} />
      <i data-part="reserved" style={{ width: `${extent.reserved * 100}%` }} />
      <i data-part="forecast" style={{ width: `${extent.forecast * 100}%` }} />
      {extent.cap < 1 && <span className={styles.cap} style={{ left: `${extent.cap * 100}%` }} />}
      {budget.warn.map((share) => (
        <Tooltip key={share} label={`told at ${money((budget.cap_micros ?? 0) * share)}`}>
          <span className={styles.warn} style={{ left: `${share * extent.cap * 100}%` }} />
        </Tooltip>
      ))}
    </div>
  );
}
