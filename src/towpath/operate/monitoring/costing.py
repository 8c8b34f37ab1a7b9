"""What an alarm cost: the loss beyond what was promised, over the decisions that it is about.

A monitor that knows losses knows its own. For others, such as drift, the figure is that of the service's
newest monitor that does, where its window overlaps; the alert says whose it is. With a declared `price`
per unit of loss it is an amount, otherwise it stays in the loss's own unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.clock import parse_time

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent, Json
    from towpath.operate.monitoring.findings import Finding

_KNOW_LOSSES = ("performance", "estimated_performance")


def cost_of(tx: Transaction, monitor: Intent, finding: Finding) -> Json | None:
    """Return what a window cost, or None where nobody knows.

    The answer holds `words` for people, `excess` (in the unit of `metric`, summed over decisions), `cost` in `unit` where a
    price is declared, `monitor` that measured it, and `estimated` where no labels were in it.
    """
    if finding.excess is not None:
        return _priced(monitor, finding.excess)
    since = finding.window.since
    for other in tx.intents.list("monitor", project=monitor.project):
        if other.spec["kind"] not in _KNOW_LOSSES or other.name == monitor.name:
            continue
        if other.spec["service"] != monitor.spec["service"]:
            continue
        for window in reversed(other.status.get("windows", ())):
            overlaps = parse_time(window["until"]) > since
            if overlaps and window.get("excess") is not None:
                return _priced(other, window["excess"])
    return None


def _priced(monitor: Intent, excess: float) -> Json:
    price = monitor.spec.get("price")
    cost: Json = {
        "excess": excess,
        "metric": monitor.spec.get("metric"),
        "cost": None if price is None else excess * price,
        "unit": monitor.spec.get("unit", ""),
        "monitor": monitor.name,
        "estimated": monitor.spec["kind"] == "estimated_performance",
    }
    return {**cost, "words": _in_words(cost)}


def added(one: Json | None, other: Json | None) -> Json | None:
    """Return what two windows cost together."""
    if one is None or other is None:
        return one or other
    costs = [part["cost"] for part in (one, other)]
    both = {
        **other,
        "excess": one["excess"] + other["excess"],
        "cost": None if None in costs else sum(cost for cost in costs if cost is not None),
        "estimated": one["estimated"] or other["estimated"],
    }
    return {**both, "words": _in_words(both)}


def _in_words(cost: Json) -> str:
    if cost["excess"] <= 0:
        return "nothing beyond what the test promised"
    doubt = ", estimated" if cost["estimated"] else ""
    if cost["cost"] is not None:
        return f"{cost['cost']:,.2f} {cost['unit']}".rstrip() + doubt
    return f"{cost['excess']:,.4g} of {cost['metric']} beyond what the test promised{doubt}"


__all__ = ["added", "cost_of"]
