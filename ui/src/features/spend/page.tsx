import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { Empty } from "@/design/empty";
import { Fact, Facts, Figure, Figures } from "@/design/facts";
import { formatDay, plural } from "@/design/format";
import { Loaded } from "@/design/loaded";
import { formatMoney } from "@/design/money";
import { Columns, Page } from "@/design/page";
import { Panel } from "@/design/panel";
import { Table } from "@/design/table";
import { EventTime } from "@/design/time";
import { Breakdown } from "./breakdown";
import { Budgets } from "./budgets";
import { attemptColumns, Blocker } from "./columns";
import { Days } from "./days";
import { spendQuery } from "./queries";
import styles from "./spend.module.css";

type Spend = Schemas["Spend"];

const FIRST = 12;
const UNITS: Record<string, string> = {
  cpu: "core, an hour",
  gpu: "accelerator, an hour",
  memory: "GiB of memory, an hour",
  storage: "GiB stored, a month",
};

/** What may be spent, what was spent on what, and what waits for it. */
export function SpendPage() {
  return (
    <Page
      title="Spend"
      lead="A step starts only when its worst case is set aside, so no cap is ever passed."
    >
      <Loaded query={useQuery(spendQuery)}>{(spend) => <Body spend={spend} />}</Loaded>
    </Page>
  );
}

function Body({ spend }: { spend: Spend }) {
  const { currency, budgets, attempts, days } = spend;
  const columns = useMemo(() => attemptColumns(currency), [currency]);
  if (budgets.length === 0 && days.length === 0) {
    return (
      <Panel>
        <Empty
          title="No budget yet, so nothing is limited or recorded"
          command="tp.Project(…, budget=tp.Budget(usd_per_month=50))"
        >
          Or set one for everybody: towpath budget set organisation --usd-per-month 200
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      <Numbers spend={spend} />
      {attempts.length > 0 && (
        <Panel title="What runs and what waits" note="In the order of turns." flush>
          <Table
            rows={attempts}
            columns={columns}
            first={FIRST}
            below={(one) => one.blocker && <Blocker attempt={one} />}
          />
        </Panel>
      )}
      <Columns wide>
        <Panel title="Budgets" note="In their current periods." aside={<Legend />}>
          <Budgets budgets={budgets} currency={currency} />
        </Panel>
        <div style={{ display: "grid", gap: 18, minWidth: 0 }}>
          <Alerts alerts={spend.alerts} />
          <Prices spend={spend} />
        </div>
      </Columns>
      <Panel title="Day by day" note="By event time: the last 90 days.">
        <Days days={days} currency={currency} now={spend.now} />
      </Panel>
      <Breakdown />
    </>
  );
}

function Numbers({ spend }: { spend: Spend }) {
  const roots = rootsOf(spend.budgets);
  const sum = (of: (budget: Spend["budgets"][number]) => number) =>
    formatMoney(
      roots.reduce((total, budget) => total + of(budget), 0),
      spend.currency,
    );
  const running = spend.attempts.filter((one) => one.state === "running").length;
  const waiting = spend.attempts.length - running;
  const period = roots.every((one) => one.period === roots[0]?.period) ? roots[0]?.period : null;
  return (
    <Figures>
      <Figure
        label={period ? `Spent this ${period}` : "Spent in this period"}
        value={sum((one) => one.spent_micros)}
        note={roots[0] && `since ${formatDay(roots[0].since)}`}
      />
      <Figure label="Set aside" value={sum((one) => one.reserved_micros)} note="worst case" />
      <Figure
        label="By its end"
        value={
          roots.some((one) => one.forecast_micros == null)
            ? "–"
            : sum((one) => one.forecast_micros ?? 0)
        }
        note="at this rate"
      />
      <Figure label="Running" value={plural(running, "step")} />
      <Figure label="Waiting" value={plural(waiting, "step")} />
    </Figures>
  );
}

/** The organisation where it has a budget, else every project's: no money is counted twice. */
function rootsOf(budgets: Spend["budgets"]): Spend["budgets"] {
  const organisation = budgets.filter((one) => !one.project);
  return organisation.length > 0 ? organisation : budgets.filter((one) => !one.queue);
}

function Legend() {
  return (
    <div className={styles.legend}>
      {["spent", "reserved", "forecast"].map((part) => (
        <span key={part}>
          <span className={styles.bar}>
            <i data-part={part} />
          </span>
          {part === "reserved" ? "set aside" : part}
        </span>
      ))}
    </div>
  );
}

function Alerts({ alerts }: { alerts: Spend["alerts"] }) {
  if (alerts.length === 0) return null;
  return (
    <Panel title="Alerts">
      <ul className={styles.alerts}>
        {alerts.map((one) => (
          <li key={`${one.budget}:${one.share}:${one.at}`}>
            {one.summary}
            <span className={styles.stack}>
              <EventTime at={one.at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Prices({ spend }: { spend: Spend }) {
  const version = spend.prices_version;
  return (
    <Panel title="Prices" note={version > 0 ? `List ${version}` : "Built in; set your own."}>
      <Facts>
        {spend.prices.map(({ resource, micros }) => (
          <Fact key={resource} name={UNITS[resource] ?? `${resource.replace("gpu:", "")}, an hour`}>
            {formatMoney(micros, spend.currency)}
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}
