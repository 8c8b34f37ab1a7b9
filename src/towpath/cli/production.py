"""`towpath monitor …`: what is watched, and what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, print_json, print_table

if TYPE_CHECKING:
    from towpath.ledger.records import Json

monitor = App(name="monitor", help="What is watched, and what it found.")


@monitor.command(name="list")
def list_monitors(*, common: Common = Common()) -> int:
    """List monitors and how far they have looked."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("monitor")
    if common.json:
        print_json(found)
        return 0
    rows = [
        (one.name, one.spec["kind"], one.spec["window"], one.status.get("watermark"))
        for one in found
    ]
    print_table(["monitor", "kind", "window", "seen until"], rows, empty="nothing is watched")
    return 0


@monitor.command
def show(name: str, /, *, windows: int = 7, common: Common = Common()) -> int:
    """Show what a monitor found in its newest windows, and by how much columns have moved.

    Args:
        name: As `towpath monitor list` prints it.
        windows: How many windows.
    """
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.get("monitor", name)
        run = found.status.get("run")
        measured = tx.runs.get(run).metrics if run else {}
    if common.json:
        print_json(found)
        return 0
    if found.status.get("blind"):
        err.print(f"can't judge: {found.status['blind']}")
    judged = found.status.get("windows", [])[-windows:]
    print_table(
        ["window ended", "rows", "score", "alarm", "stood out", "basis"],
        [_window_row(one) for one in reversed(judged)],
        empty="no window has ended yet",
    )
    distances = {
        key.removeprefix("distance."): value
        for key, value in measured.items()
        if key.startswith("distance.")
    }
    if distances:
        rows = [
            (column, f"{value:.4f}", _short(measured.get(f"p.{column}")))
            for column, value in sorted(distances.items(), key=lambda one: -one[1])
        ]
        print_table(["column", "distance", "p"], rows, empty="")
    return 0


def _window_row(window: Json) -> tuple[str, int, str, str, str, str]:
    told = [
        f"{one['name']}: {one['what']} from {one['before']:.4g} to {one['after']:.4g}"
        if one.get("what") and one.get("before") is not None and one.get("after") is not None
        else one["name"]
        for one in window.get("features", [])
    ]
    return (
        window["until"],
        window["rows"],
        _short(window.get("score")) if window.get("judged", True) else "too few rows",
        "yes" if window.get("alarm") else "",
        "; ".join(told),
        window.get("basis", ""),
    )


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


@monitor.command
def alerts(*, common: Common = Common()) -> int:
    """List alerts, newest first, with the features to blame."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("alert")[::-1]
    if common.json:
        print_json(found)
        return 0
    rows = [(one.spec["at"], one.spec["monitor"], one.spec["summary"]) for one in found]
    print_table(["at", "monitor", "what"], rows, empty="no alert")
    return 0
