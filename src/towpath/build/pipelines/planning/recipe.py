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
    datasets = [Ref.parse(text, "dataset") for text in body.get("datasets", ())]
    pins = {pin.name: pin.version for pin in datasets}
    if body.get("parent"):
        pins |= pins_of_parent(Ref.parse(body["parent"], "model"))
    return {
        "project": body["project"],
        "pipeline": body["pipeline"],
        "params": body.get("params", {}),
        "code": body["code"],
        "at": tx.runs.get(model.made_by).tags.get("at"),
        "pins": pins,
        "reason": reason,
    }


def pins_of_parent(parent: Ref, instead: Ref | None = None) -> dict[str, int | None]:
    """Return the pins with which a fine-tuning goes on from `instead` wherever it went on from `parent`.

    The pipeline may have asked for the parent by its number or for the newest, so both are pinned.
    """
    number = (instead or parent).version
    return {f"model:{parent.name}": number, str(parent): number}
