"""`towpath alert …`: what monitors found, and what people do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import App, Parameter

from towpath.cli.options import Common
from towpath.cli.printing import out, print_facts, print_json, print_table
from towpath.core.durations import parse_duration
from towpath.operate.monitoring.alerts import UNRESOLVED
from towpath.operate.monitoring.attending import acknowledge, resolve, snooze
from towpath.operate.monitoring.examples import examples_of

if TYPE_CHECKING:
    from towpath.ledger import Intent

app = App(name="alert", help="What monitors found, and what was done about it.")

As: TypeAlias = Annotated[str, Parameter(name="--as")]
_SHOWN = 200


@app.command(name="list")
def list_alerts(
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    common: Common = Common(),
) -> int:
    """List alerts that are not resolved, newest first.

    Args:
        all_: Resolved ones as well.
    """
    with common.open() as home, home.ledger.read() as tx:
        phases = None if all_ else list(UNRESOLVED)
        found = tx.intents.list("alert", phases=phases, newest_first=True, limit=_SHOWN)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.name,
            one.spec.get("severity"),
            one.phase,
            one.status.get("alarms"),
            one.spec["summary"],
        )
        for one in found
    ]
    columns = ["alert", "severity", "state", "alarms", "what"]
    print_table(columns, rows, empty="no alert" if all_ else "no alert that is not resolved")
    return 0


@app.command(name="show")
def show_alert(name: str, /, *, common: Common = Common()) -> int:
    """Show an alert: what stood out, by how much, since when, on how many rows, and what it cost.

    Args:
        name: The alert.
    """
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.get("alert", name)
    if common.json:
        print_json(found)
        return 0
    print_facts(name, _facts(found))
    columns = ["name", "what", "before", "after", "p"]
    rows = [[_cell(one.get(column)) for column in columns] for one in found.spec["features"]]
    print_table(columns, rows, empty="nothing stood out alone")
    return 0


@app.command(name="acknowledge")
def acknowledge_alert(name: str, /, *, as_: As = "cli", common: Common = Common()) -> int:
    """Say that you see to it, so that it is not escalated.

    Args:
        name: The alert.
        as_: Your handle, for the record.
    """
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        acknowledge(tx, name, by=as_)
    return _done(name, "acknowledged", common)


@app.command(name="snooze")
def snooze_alert(
    name: str,
    /,
    *,
    for_: Annotated[str, Parameter(name="--for")],
    as_: As = "cli",
    common: Common = Common(),
) -> int:
    """Hear nothing of it for a while; further alarms are counted, and start nothing.

    Args:
        name: The alert.
        for_: How much event time, such as 1d.
        as_: Your handle, for the record.
    """
    span = parse_duration(for_)
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        snooze(tx, name, by=as_, span=span, now=home.clock.now())
    return _done(name, "snoozed", common)


@app.command(name="resolve")
def resolve_alert(
    name: str, /, *, why: str = "", as_: As = "cli", common: Common = Common()
) -> int:
    """End it; the monitor's next alarm is a new alert.

    Args:
        name: The alert.
        why: For the record; nothing personal.
        as_: Your handle, for the record.
    """
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        resolve(tx, name, by=as_, why=why)
    return _done(name, "resolved", common)


def _facts(row: Intent) -> dict[str, Any]:
    spec, status = row.spec, row.status
    left_out = ("features", "project", "environment", "cost", "examples")
    facts = {key: value for key, value in spec.items() if key not in left_out}
    facts["cost"] = (status.get("cost") or spec.get("cost") or {}).get("words")
    facts["examples"] = ", ".join(examples_of(row))
    facts["state"] = row.phase
    facts |= {key: status[key] for key in ("alarms", "last", "by", "until", "why") if key in status}
    return {key: value for key, value in facts.items() if value not in ("", None)}


def _done(name: str, state: str, common: Common) -> int:
    if common.json:
        print_json({"alert": name, "state": state})
    else:
        out.print(f"{name} is {state}", highlight=False)
    return 0


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
