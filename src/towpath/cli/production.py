"""`towpath rollout …`, `monitor …`: what serves, and how it does."""

from __future__ import annotations

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, print_facts, print_json, print_table
from towpath.operate.rollouts import Order, order

rollout = App(name="rollout", help="Champion against challenger.")
monitor = App(name="monitor", help="What is watched, and what it found.")


@rollout.command(name="list")
def list_rollouts(*, common: Common = Common()) -> int:
    """List rollouts with their outcomes, newest first."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("rollout")[::-1]
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.name,
            one.spec["champion"],
            one.spec["challenger"],
            one.phase,
            one.status.get("stage"),
            one.status.get("outcome"),
        )
        for one in found
    ]
    columns = ["rollout", "champion", "challenger", "phase", "stage", "outcome"]
    print_table(columns, rows, empty="no rollout yet")
    return 0


@rollout.command
def show(name: str, /, *, common: Common = Common()) -> int:
    """Show a rollout's evidence: the bounds on harm, look by look."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.get("rollout", name)
    if common.json:
        print_json(found)
        return 0
    ended = {key: found.status.get(key) for key in ("outcome", "reason")}
    print_facts(name, {**found.spec, "phase": found.phase, **ended})
    columns = [
        "at",
        "stage",
        "n_champion",
        "n_challenger",
        "estimate",
        "lower",
        "upper",
        "decision",
    ]
    history = found.status.get("history", [])
    rows = [[_cell(look.get(column)) for column in columns] for look in history]
    print_table(columns, rows, empty="no look yet")
    return 0


@rollout.command
def promote(name: str, /, *, common: Common = Common()) -> int:
    """Give the challenger all traffic now, whatever the evidence so far. The order is recorded."""
    return _order(name, "promote", common)


@rollout.command
def abort(name: str, /, *, common: Common = Common()) -> int:
    """Give the champion all traffic back now. The order is recorded."""
    return _order(name, "roll_back", common)


def _order(name: str, wanted: Order, common: Common) -> int:
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        order(tx, name, wanted)
    if common.json:
        print_json({"rollout": name, "ordered": wanted})
    else:
        err.print(f"ordered; a worker carries it out: towpath rollout show {name}")
    return 0


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


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.5f}" if isinstance(value, float) else str(value)
