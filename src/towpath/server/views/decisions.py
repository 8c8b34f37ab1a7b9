"""Turns pages of the decision log into what the API answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from towpath.operate.decisions import INPUT, OUTPUT, SIGNAL
from towpath.server.resources.decisions import DecisionRow, DecisionRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.operate.decisions import DecisionPage

_PLAIN = (
    "decision_id",
    "at",
    "recorded",
    "release",
    "model",
    "arm",
    "rollout",
    "stage",
    "key",
    "subject",
    "status",
    "error",
    "latency_us",
    "weight",
    "service_version",
    "label",
    "label_at",
)


def rows_of(service: str, page: DecisionPage) -> DecisionRows:
    """Return a page as the API shows it."""
    names = page.rows.columns
    return DecisionRows(
        service=service,
        decisions=[_row(row) for row in page.rows.iter_rows(named=True)],
        inputs=_named(names, INPUT),
        outputs=_named(names, OUTPUT),
        signals=_named(names, SIGNAL),
        before=page.before,
    )


def _row(row: Mapping[str, Any]) -> DecisionRow:
    signals = {name: value for name, value in _below(row, SIGNAL).items() if value is not None}
    outputs = {name: value for name, value in _below(row, OUTPUT).items() if value is not None}
    plain = {name: row[name] for name in _PLAIN}
    return DecisionRow(**plain, inputs=_below(row, INPUT), outputs=outputs, signals=signals)


def _named(names: list[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def _below(row: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the values of the columns with a prefix; JSON has no numbers beyond the finite ones."""
    return {
        name.removeprefix(prefix): None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in row.items()
        if name.startswith(prefix)
    }
