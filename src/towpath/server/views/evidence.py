"""Gate evidence as a picture needs it: an estimate, its bounds, and what they are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.server.resources.models import GateResult
from towpath.server.views.values import items, mapping, number, text

if TYPE_CHECKING:
    from towpath.ledger.records import Json


def gate_results(gates: object) -> list[GateResult]:
    """Return the gates' results in the order they were evaluated."""
    return [_result(gate) for gate in items(gates)]


def _result(gate: Json) -> GateResult:
    evidence = mapping(gate.get("evidence"))
    return GateResult(
        gate=text(gate.get("gate")),
        verdict=text(gate.get("verdict")),
        summary=text(gate.get("summary")),
        metric=text(evidence.get("metric")),
        estimate=number(evidence.get("estimate")),
        lower=number(evidence.get("lower")),
        upper=number(evidence.get("upper")),
        threshold=number(evidence.get("threshold")),
        direction=text(evidence.get("direction")),
        rows=int(evidence["rows"]) if isinstance(evidence.get("rows"), int) else None,
        evidence=evidence,
    )
