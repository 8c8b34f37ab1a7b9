import type { Schemas } from "@/api/client";

type Budget = Schemas["BudgetView"];

export interface Extent {
  /** What is spent, reserved and still forecast, as shares of the whole bar. */
  spent: number;
  reserved: number;
  forecast: number;
  /** Where the cap lies on the bar; 1 unless the forecast goes beyond it. */
  cap: number;
}

/**
 * How a budget's bar is divided. The bar ends at the cap, or at the forecast where that is further: so
 * that a budget which is going to run out shows by how much.
 */
export function extentOf(budget: Budget): Extent | null {
  const cap = budget.cap_micros;
  if (cap == null) return null;
  const committed = budget.spent_micros + budget.reserved_micros;
  const ahead = Math.max(budget.forecast_micros ?? 0, committed);
  const whole = Math.max(cap, ahead) || 1;
  return {
    spent: budget.spent_micros / whole,
    reserved: budget.reserved_micros / whole,
    forecast: (ahead - committed) / whole,
    cap: cap / whole,
  };
}

/** What a budget has to say: nothing while all is well. */
export function warningOf(budget: Budget): { tone: "warn" | "bad"; text: string } | null {
  const cap = budget.cap_micros;
  if (cap == null) return null;
  if (budget.spent_micros + budget.reserved_micros >= cap) {
    return { tone: "bad", text: "nothing is left" };
  }
  if ((budget.forecast_micros ?? 0) > cap) {
    return { tone: "warn", text: `runs out before the ${budget.period} does` };
  }
  const crossed = Math.max(0, ...budget.crossed);
  return crossed > 0 ? { tone: "warn", text: `past ${Math.round(crossed * 100)}%` } : null;
}

/** How deep a budget lies: the organisation, its projects, their queues. */
export const depthOf = (budget: Budget): number => (budget.queue ? 2 : budget.project ? 1 : 0);

/** What a budget lets run at once, and how much of that is taken. */
export function placesOf(budget: Budget): string {
  const parts: string[] = [];
  const add = (limit: number | null | undefined, used: number, what: string) => {
    if (limit != null) parts.push(`${used} of ${limit} ${what}`);
  };
  add(budget.cpus, budget.cpus_used, "cpus");
  add(budget.gpus, budget.gpus_used, "gpus");
  add(budget.steps, budget.steps_used, "steps");
  return parts.join(", ");
}
