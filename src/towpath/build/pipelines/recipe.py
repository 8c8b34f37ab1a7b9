"""How to repeat the run that made a model: the spec of a `pipeline_run` intent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version


def recipe_of(tx: Transaction, model: Version, *, reason: str) -> dict[str, Any] | None:
    """Return the spec of a run with the same code, parameters, moment and data-set versions.

    After an erasure the versions are the redacted ones; before it, every step is in the cache.

    Returns:
        The spec, or None for a version that no pipeline made.
    """
    body = model.body
    if model.made_by is None or not body.get("pipeline"):
        return None
    pins = [Ref.parse(text, "dataset") for text in body.get("datasets", ())]
    return {
        "project": body["project"],
        "pipeline": body["pipeline"],
        "params": body.get("params", {}),
        "code": body["code"],
        "at": tx.runs.get(model.made_by).tags.get("at"),
        "pins": {pin.name: pin.version for pin in pins},
        "reason": reason,
    }
