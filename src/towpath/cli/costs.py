"""How a forecast is printed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from towpath.build.capacity.money import format_money
from towpath.cli.printing import err, print_json, print_table
from towpath.core.errors import BudgetRefused

if TYPE_CHECKING:
    from towpath.build.capacity.forecasting import Forecast


def show_forecast(forecast: Forecast, *, as_json: bool) -> int:
    """Print what a run would cost, and return 4 where a step of it could never start, else 0."""
    code = BudgetRefused.exit_code if forecast.refusals else 0
    if as_json:
        print_json(asdict(forecast))
        return code

    def money(micros: int | None) -> str:
        return "never ran" if micros is None else format_money(micros, forecast.currency)

    rows = [
        (
            line.step,
            f"{line.calls} × up to {line.attempts}" if line.attempts > 1 else str(line.calls),
            f"{line.limit_s:g} s",
            money(line.worst_micros),
            money(line.likely_micros),
        )
        for line in forecast.lines
    ]
    columns = ["step", "calls", "limit", "at most", "likely"]
    print_table(columns, rows, empty="everything is in the cache; it costs nothing")
    if not rows:
        return code
    err.print(
        f"this will cost at most {money(forecast.worst_micros)}"
        f", likely {money(forecast.likely_micros)}"
        + (f" and {', '.join(forecast.unknown)}, which never ran" if forecast.unknown else "")
    )
    for name in forecast.open_ended:
        err.print(f"{name} is counted once: how often it calls shows while it runs", markup=False)
    for left in forecast.budgets:
        if left.left_micros is not None:
            fits = "" if left.fits else "; not all of it can be reserved at once"
            err.print(f"{left.title} has {money(left.left_micros)} of {left.cap} left{fits}")
    for refusal in forecast.refusals:
        err.print(f"[red]{BudgetRefused.code}[/red] ", end="")
        err.print(refusal, markup=False)
    return code
