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

    The answer holds `excess` (in the unit of `metric`, summed over decisions), `cost` in `unit` where a
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
    return {
        "excess": excess,
        "metric": monitor.spec.get("metric"),
        "cost": None if price is None else excess * price,
        "unit": monitor.spec.get("unit", ""),
        "monitor": monitor.name,
        "estimated": monitor.spec["kind"] == "estimated_performance",
    }


def told(cost: Json | None) -> str:
    """Return a cost in words, empty where nobody knows."""
    if cost is None or cost["excess"] <= 0:
        return ""
    doubt = ", estimated" if cost.get("estimated") else ""
    if cost.get("cost") is not None:
        return f"cost {cost['cost']:,.2f} {cost.get('unit', '')}".rstrip() + doubt
    return f"cost {cost['excess']:,.4g} of {cost['metric']} beyond what the test promised" + doubt


__all__ = ["cost_of", "told"]
