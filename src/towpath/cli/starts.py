"""`towpath schedule …` and `towpath trigger …`: what starts runs without a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from towpath.cli.options import Common
from towpath.cli.printing import out, print_facts, print_json, print_table
from towpath.operate.scheduling import is_paused, pause, resume
from towpath.operate.triggers import fire

if TYPE_CHECKING:
    from towpath.ledger import Intent
    from towpath.ledger.contract import Transaction

schedule = App(name="schedule", help="Pipelines that run at set times.")
trigger = App(name="trigger", help="Pipelines that run when something happens.")


@schedule.command(name="list")
def list_schedules(*, common: Common = Common()) -> int:
    """List schedules by name, and when each comes next."""
    rows = _rows("schedule", common)
    if common.json:
        print_json(rows)
        return 0
    table = [
        (
            one.name,
            one.spec["pipeline"],
            f"{one.spec['cron']} {one.spec['tz']}",
            one.status.get("next"),
            one.status.get("run"),
            one.phase,
        )
        for one in rows
    ]
    columns = ["schedule", "pipeline", "cron", "next", "last run", ""]
    print_table(columns, table, empty="no project declares a schedule")
    return 0


@schedule.command(name="show")
def show_schedule(name: str, /, *, common: Common = Common()) -> int:
    """Show what a schedule declares, and what became of its last moments.

    Args:
        name: PROJECT.SCHEDULE
    """
    return _show("schedule", name, ["moment", "verdict", "why"], common)


@schedule.command(name="pause")
def pause_schedule(name: str, /, *, common: Common = Common()) -> int:
    """Let a schedule's moments pass until it is resumed; applying the project leaves it paused.

    Args:
        name: PROJECT.SCHEDULE
    """
    return _hold("schedule", name, paused=True, common=common)


@schedule.command(name="resume")
def resume_schedule(name: str, /, *, common: Common = Common()) -> int:
    """Let a schedule go on from now; what passed in the pause is not made up for.

    Args:
        name: PROJECT.SCHEDULE
    """
    return _hold("schedule", name, paused=False, common=common)


@trigger.command(name="list")
def list_triggers(*, common: Common = Common()) -> int:
    """List triggers by name, and what each waits for."""
    rows = _rows("trigger", common)
    if common.json:
        print_json(rows)
        return 0
    table = [
        (one.name, *_waits_for(one.spec), one.spec.get("pipeline"), one.status.get("run"))
        for one in rows
    ]
    columns = ["trigger", "waits for", "", "pipeline", "last run"]
    print_table(columns, table, empty="no project declares a trigger")
    return 0


@trigger.command(name="show")
def show_trigger(name: str, /, *, common: Common = Common()) -> int:
    """Show what a trigger declares, and what became of the last news.

    Args:
        name: PROJECT.TRIGGER
    """
    return _show("trigger", name, ["at", "verdict", "why"], common)


@trigger.command(name="pause")
def pause_trigger(name: str, /, *, common: Common = Common()) -> int:
    """Let what happens start nothing until the trigger is resumed.

    Args:
        name: PROJECT.TRIGGER
    """
    return _hold("trigger", name, paused=True, common=common)


@trigger.command(name="resume")
def resume_trigger(name: str, /, *, common: Common = Common()) -> int:
    """Let a trigger go on from now.

    Args:
        name: PROJECT.TRIGGER
    """
    return _hold("trigger", name, paused=False, common=common)


@trigger.command(name="fire")
def fire_trigger(
    name: str,
    /,
    *,
    as_: Annotated[str, Parameter(name="--as")] = "cli",
    common: Common = Common(),
) -> int:
    """Start a trigger's pipeline now, as if what it waits for had happened; no cool-down holds it back.

    Args:
        name: PROJECT.TRIGGER
        as_: Your handle, for the record.
    """
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        event = fire(tx, name, by=as_)
    if common.json:
        print_json({"trigger": name, "fired": event.seq})
    else:
        out.print(f"fired; a worker answers it: towpath trigger show {name}", highlight=False)
    return 0


def _rows(kind: str, common: Common) -> list[Intent]:
    with common.open() as home, home.ledger.read() as tx:
        return sorted(tx.intents.list(kind), key=lambda one: one.name)


def _show(kind: str, name: str, columns: list[str], common: Common) -> int:
    with common.open() as home, home.ledger.read() as tx:
        row = tx.intents.get(kind, name)
        facts = _facts(tx, row)
    if common.json:
        print_json({**facts, "answers": row.status.get("answers", [])})
        return 0
    print_facts(name, facts)
    answers: list[dict[str, Any]] = row.status.get("answers", [])
    table = [[one.get(column) for column in columns] for one in reversed(answers)]
    print_table(columns, table, empty="nothing has happened yet")
    return 0


def _facts(tx: Transaction, row: Intent) -> dict[str, Any]:
    left_out = ("project", "environment", "name")
    declared = {key: value for key, value in row.spec.items() if key not in left_out and value}
    stands = {key: row.status.get(key) for key in ("next", "waiting", "run") if key in row.status}
    return {**declared, **stands, "paused": is_paused(tx, row.kind, row.name)}


def _hold(kind: str, name: str, *, paused: bool, common: Common) -> int:
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        (pause if paused else resume)(tx, kind, name)
    if common.json:
        print_json({kind: name, "paused": paused})
    else:
        out.print(f"{kind} {name} {'is paused' if paused else 'goes on'}", highlight=False)
    return 0


def _waits_for(spec: dict[str, Any]) -> tuple[str, str]:
    for kind in ("dataset", "erasure", "event"):
        if spec.get(kind):
            return kind, str(spec[kind])
    return "alert", ", ".join(spec.get("alert") or spec.get("on") or ())
