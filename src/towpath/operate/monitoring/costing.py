"""What an alarm cost: the loss beyond what was promised, over the decisions that it is about.

A monitor that knows losses knows its own. For others, such as drift, the figure is that of another monitor
of the service, of a window that overlaps. Where labels have yet to come, nobody has judged that window: then
it is the newest that anybody knows of, and the words say which. With a declared `price` per unit of loss it is
an amount, otherwise it stays in the loss's own unit.
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

    The answer holds `words` for people, `excess` (in the unit of `metric`, summed over decisions),
    `cost` in `unit` where a price is declared, `monitor` that measured it, `estimated` where no labels
    were in it, and `of`, when the window began that is meant, where it is an earlier one.
    """
    if finding.excess is not None:
        return _priced(monitor, finding.excess)
    known = [
        (parse_time(window["until"]), _KNOW_LOSSES.index(other.spec["kind"]), other, window)
        for other in tx.intents.list("monitor", project=monitor.project)
        if other.spec["kind"] in _KNOW_LOSSES
        and other.name != monitor.name
        and other.spec["service"] == monitor.spec["service"]
        for window in other.status.get("windows", ())
        if window.get("excess") is not None
    ]
    if not known:
        return None
    # Of one window what came true counts for more than what was expected.
    until, _, other, window = max(known, key=lambda one: (one[0], -one[1]))
    of = "" if until > finding.window.since else f"{parse_time(window['since']):%d %B %Y}"
    return _priced(other, window["excess"], of=of)


def _priced(monitor: Intent, excess: float, *, of: str = "") -> Json:
    price = monitor.spec.get("price")
    cost: Json = {
        "excess": excess,
        "metric": monitor.spec.get("metric"),
        "cost": None if price is None else excess * price,
        "unit": monitor.spec.get("unit", ""),
        "monitor": monitor.name,
        "estimated": monitor.spec["kind"] == "estimated_performance",
        "of": of,
    }
    return {**cost, "words": _in_words(cost)}


def added(one: Json | None, other: Json | None) -> Json | None:
    """Return what two windows cost together."""
    if one is None or other is None:
        return one or other
    costs = [part["cost"] for part in (one, other)]
    if one.get("of", "") == other.get("of", "") != "":
        return other  # the same earlier window, told twice
    both = {
        **other,
        "excess": one["excess"] + other["excess"],
        "cost": None if None in costs else sum(cost for cost in costs if cost is not None),
        "estimated": one["estimated"] or other["estimated"],
    }
    return {**both, "words": _in_words(both)}


def _in_words(cost: Json) -> str:
    doubt = f", on {cost['of']}, the newest that is known" if cost.get("of") else ""
    if cost["excess"] <= 0:
        return f"nothing beyond what the test promised{doubt}"
    doubt += ", estimated" if cost["estimated"] else ""
    if cost["cost"] is not None:
        return f"{cost['cost']:,.2f} {cost['unit']}".rstrip() + doubt
    return f"{cost['excess']:,.4g} of {cost['metric']} beyond what the test promised{doubt}"


__all__ = ["added", "cost_of"]
