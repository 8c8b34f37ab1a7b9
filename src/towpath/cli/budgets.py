"""`towpath budget …`: what may be spent, what was, what waits for it, and what things cost."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from towpath.build.capacity import Budget, set_budget
from towpath.build.capacity.limits import cap_of, day_of, nodes_of
from towpath.build.capacity.money import format_money, parse_money
from towpath.build.capacity.pricing import change_prices, current_prices
from towpath.build.capacity.reading import SpendBy, alerts, budget_views, line_view, spend
from towpath.cli.options import Common, Repeated
from towpath.cli.pairs import pairs_of
from towpath.cli.printing import err, print_json, print_table
from towpath.core.clock import SystemClock, parse_time
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.build.capacity.reading import BudgetView, PermitView

app = App(name="budget", help="Budgets: show, set, spend, prices, and what waits.")


@app.command
def show(name: str | None = None, /, *, common: Common = Common()) -> int:
    """Show every budget: its cap, what is spent and reserved, and what runs and waits under it.

    Args:
        name: Only this project, or `organisation`.
        common: Where.
    """
    with common.open() as home, home.ledger.read() as tx:
        times = {"now": home.clock.now(), "wall": SystemClock().now()}
        budgets = [one for one in budget_views(tx, **times) if _concerns(one, name)]
        line = [one for one in line_view(tx, **times) if name in (None, one.project)]
        crossed = alerts(tx, project=name if name != "organisation" else "")[:10]
        currency = current_prices(tx).currency
    if name is not None and not budgets:
        raise NotFound.named("budget", name, remedy="towpath budget show lists them.")
    if common.json:
        parts = {"budgets": budgets, "line": line, "alerts": crossed}
        print_json({key: [asdict(one) for one in part] for key, part in parts.items()})
        return 0
    rows = [_budget_row(one) for one in budgets]
    columns = ["budget", "cap", "spent", "reserved", "by the end", "at once"]
    print_table(columns, rows, empty="no budget is declared; nothing is limited or recorded")
    if line:
        print_table(
            ["attempt", "", "priority", "at most", "waits for"],
            [_permit_row(one, currency) for one in line],
            empty="",
        )
    for alert in crossed:
        err.print(f"{alert.at:%Y-%m-%d %H:%M} {alert.summary}", markup=False)
    return 0


@app.command(name="set")
def set_command(
    name: str,
    /,
    *,
    usd_per_day: float | None = None,
    usd_per_week: float | None = None,
    usd_per_month: float | None = None,
    warn: Annotated[tuple[float, ...], Parameter(negative="")] = (0.8,),
    cpus: float | None = None,
    gpus: float | None = None,
    steps: int | None = None,
    share: float = 1.0,
    common: Common = Common(),
) -> int:
    """Set the organisation's budget, or that of a project which declares none in its code.

    Args:
        name: `organisation`, or a project.
        usd_per_day: Hard cap for each day.
        usd_per_week: Hard cap for each week.
        usd_per_month: Hard cap for each month.
        warn: Shares of the cap at which spending is told.
        cpus: Cores that may be occupied at once.
        gpus: Accelerators that may be occupied at once.
        steps: Steps that may run at once.
        share: Weight of a project in the fair share.
        common: Where.
    """
    budget = Budget(
        usd_per_day=usd_per_day,
        usd_per_week=usd_per_week,
        usd_per_month=usd_per_month,
        warn=warn,
        cpus=cpus,
        gpus=gpus,
        steps=steps,
        share=share,
    )
    with common.open() as home, home.ledger.write(actor="budget") as tx:
        changed = set_budget(tx, name, budget)
        node = next(one for path, one in nodes_of(tx).items() if path.split("/")[-1] == name)
    if common.json:
        print_json({"budget": node.path, "changed": changed, "cap_micros": node.cap})
        return 0
    err.print(f"{node.title}: {cap_of(node)}" + ("" if changed else " (as before)"), markup=False)
    return 0


@app.command(name="spend")
def show_spend(
    *,
    by: SpendBy = "project",
    project: str | None = None,
    since: str | None = None,
    until: str | None = None,
    common: Common = Common(),
) -> int:
    """Show what was spent, by project, queue, pipeline, run, step, cause, day, model or erasure.

    Args:
        by: What to tell spend apart by.
        project: Only this project's.
        since: First day that counts, such as 2026-03-01.
        until: First day that does not count any more.
        common: Where.
    """
    with common.open() as home, home.ledger.read() as tx:
        lines = spend(tx, by, since=_day(since), until=_day(until), project=project)
        currency = current_prices(tx).currency
    if common.json:
        print_json([{"key": list(one.key), "micros": one.micros} for one in lines])
        return 0
    rows = [(" / ".join(one.key), format_money(one.micros, currency)) for one in lines]
    print_table([by, "spent"], rows, empty="nothing was spent")
    return 0


@app.command
def prices(
    *,
    set_: Annotated[Repeated, Parameter(name="--set")] = (),
    currency: str = "",
    common: Common = Common(),
) -> int:
    """Show the price list, or make its next version; reservations keep the one of their day.

    Args:
        set_: A rate: cpu, gpu or gpu:KIND an hour, memory a GiB-hour, storage a GiB-month.
        currency: What to call the currency.
        common: Where.
    """
    changes = {name: parse_money(value, name) for name, value in pairs_of(set_, "rate").items()}
    with common.open() as home:
        if changes or currency:
            with home.ledger.write(actor="budget") as tx:
                found = change_prices(tx, changes, currency=currency)
        else:
            with home.ledger.read() as tx:
                found = current_prices(tx)
    if common.json:
        print_json(asdict(found))
        return 0
    rows = [
        (name, format_money(rate, found.currency), _UNITS[name.partition(":")[0]])
        for name, rate in sorted(found.rates.items())
    ]
    print_table(["resource", "price", "a"], rows, empty="")
    err.print(f"price list {found.version or 'built in'}")
    return 0


_UNITS = {
    "cpu": "core-hour",
    "gpu": "accelerator-hour",
    "memory": "GiB-hour",
    "storage": "GiB-month",
}


def _concerns(view: BudgetView, name: str | None) -> bool:
    return name is None or name in (view.project, view.name)


def _budget_row(view: BudgetView) -> tuple[object, ...]:
    def money(micros: int | None) -> str:
        return "–" if micros is None else format_money(micros, view.currency)

    cap = "–" if view.cap_micros is None else f"{money(view.cap_micros)} a {view.period}"
    return (
        view.title,
        cap,
        money(view.spent_micros) + ("".join(f" >{share:.0%}" for share in view.crossed)),
        money(view.reserved_micros),
        money(view.forecast_micros),
        _at_once(view),
    )


def _at_once(view: BudgetView) -> str:
    parts = [
        f"{used:g} of {limit:g} {name}"
        for name, used, limit in (
            ("cpus", view.cpus_used, view.cpus),
            ("gpus", view.gpus_used, view.gpus),
            ("steps", view.steps_used, view.steps),
        )
        if limit is not None
    ]
    return ", ".join(parts) or f"{view.steps_used} steps"


def _permit_row(view: PermitView, currency: str) -> tuple[Any, ...]:
    blocker = view.blocker
    if view.resumes_at is not None:
        blocker += f" (not before {view.resumes_at:%Y-%m-%d %H:%M})"
    if view.wanted_by is not None:
        blocker = f"makes room for {view.wanted_by}"
    return (view.id, view.state, view.priority, format_money(view.worst_micros, currency), blocker)


def _day(text: str | None) -> datetime | None:
    return None if text is None else day_of(parse_time(text))
