"""`towpath rollout …`: champion against challenger, and what people say to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from towpath.cli.options import Common
from towpath.cli.printing import err, print_facts, print_json, print_table
from towpath.operate.rollouts import Order, order

if TYPE_CHECKING:
    from collections.abc import Mapping

app = App(name="rollout", help="Champion against challenger.")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Said:
    """What goes on record with an order.

    Attributes:
        why: For the record; nothing personal.
        as_: Your handle, for the record.
    """

    why: str = ""
    as_: Annotated[str, Parameter(name="--as")] = "cli"


@app.command(name="list")
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
            one.spec.get("strategy", "canary"),
            one.spec["champion"],
            one.spec["challenger"],
            "paused" if one.status.get("paused") and one.phase != "done" else one.phase,
            one.status.get("stage"),
            one.status.get("outcome"),
        )
        for one in found
    ]
    columns = ["rollout", "strategy", "champion", "challenger", "phase", "stage", "outcome"]
    print_table(columns, rows, empty="no rollout yet")
    return 0


@app.command
def show(name: str, /, *, common: Common = Common()) -> int:
    """Show a rollout's evidence: the bounds on each harm now, and look by look."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.get("rollout", name)
    if common.json:
        print_json(found)
        return 0
    status = found.status
    said = {key: status.get(key) for key in ("outcome", "reason")}
    if status.get("paused"):
        said["paused"] = _paused(status["paused"])
    asked = {key: found.spec.get(key) for key in _ASKED}
    print_facts(name, {**asked, "phase": found.phase, "share": status.get("weight"), **said})
    readings = status.get("evidence", {}).get("readings", [])
    rows = [
        [one["name"], one["role"], *(_cell(one.get(key)) for key in _BOUNDS), one["unit"]]
        for one in readings
    ]
    print_table(["harm in", "as", *_BOUNDS, "unit"], rows, empty="nothing measured yet")
    history = status.get("history", [])
    looks = [[_cell(look.get(column)) for column in _LOOK] for look in history]
    print_table(list(_LOOK), looks, empty="no look yet")
    return 0


@app.command
def promote(name: str, /, *, said: Said = Said(), common: Common = Common()) -> int:
    """Give the challenger all traffic now, whatever the evidence so far. The order is recorded.

    Args:
        name: The rollout.
    """
    return _order(name, "promote", said, common)


@app.command
def abort(name: str, /, *, said: Said = Said(), common: Common = Common()) -> int:
    """Give the champion all traffic back now. The order is recorded.

    Args:
        name: The rollout.
    """
    return _order(name, "roll_back", said, common)


@app.command
def pause(name: str, /, *, said: Said = Said(), common: Common = Common()) -> int:
    """Leave traffic as it is, and stop the clock; the evidence grows on. The order is recorded.

    Args:
        name: The rollout.
    """
    return _order(name, "pause", said, common)


@app.command
def resume(name: str, /, *, said: Said = Said(), common: Common = Common()) -> int:
    """End a pause; what the evidence says by now is done at once. The order is recorded.

    Args:
        name: The rollout.
    """
    return _order(name, "resume", said, common)


def _order(name: str, wanted: Order, said: Said, common: Common) -> int:
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        changed = order(tx, name, wanted, by=said.as_, why=said.why)
    if common.json:
        print_json({"rollout": name, "ordered": wanted, "changed": changed})
    elif changed:
        err.print(f"ordered; a worker carries it out: towpath rollout show {name}")
    else:
        err.print(f"{name} is so already; nothing was ordered")
    return 0


_ASKED = (
    "service",
    "strategy",
    "champion",
    "challenger",
    "stages",
    "metric",
    "margin",
    "compare",
    "alpha",
    "max_duration",
    "on_timeout",
)
_BOUNDS = ("estimate", "lower", "upper", "margin")
_LOOK = ("at", "stage", "n_champion", "n_challenger", "estimate", "lower", "upper", "decision")


def _paused(pause: Mapping[str, Any]) -> str:
    why = f": {pause['why']}" if pause.get("why") else ""
    return f"by {pause.get('by') or 'somebody'} at {pause['at']}{why}"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.5f}" if isinstance(value, float) else str(value)
