"""Evidence that the replacements don't know the erased rows: membership inference, before and after.

A test of whether a model knows rows needs the rows, and a replacement is made when they are gone. So the
rows that are asked about, a hundred at most, are taken before anything is redacted, with what shadow models
taught about them (`assets.models.membership`). They are sealed with the key that the subject's name is
sealed with, into the status of the erasure's own intent, in the transaction that moves it on: there is no
moment at which a crash leaves a copy that nobody knows of, and none at which it loses them. As soon as every
replacement serves, the scores are computed and the sealed rows dropped, before the verification; the key dies
with the certificate. What is kept are counts and areas.

It never decides but in one case: the attack recognises the rows in the old model, and the new one answers
all of them with the very same numbers. Then it is no replacement.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
import structlog

from towpath.assets.models import load_model
from towpath.assets.models.membership import Attack, fit_of, train_shadows
from towpath.core.refs import Ref
from towpath.trace.erasure.derived import derived_from
from towpath.trace.erasure.traffic import live_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.models import Model
    from towpath.ledger.records import Json, Version
    from towpath.trace.erasure.copies import About
    from towpath.trace.erasure.parts import Parts
    from towpath.trace.erasure.work import Work

_MODELS = 3
_ROWS = 100
_OTHERS = 2_000
_PEOPLE = 10  # whose rows are looked for, of those who leave together
_SURE = 10  # rows that must have been recognised for equal answers to contradict
_log = structlog.get_logger(__name__)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What one model's test needs once the rows are gone. Only ever written sealed.

    Attributes:
        rows: The erased rows: the model's inputs and outcome, by column.
        kinds: The columns' types, as frames call them.
        fits: How well the old model fitted each row.
        attack: What the shadows taught about them.
    """

    rows: dict[str, list[Any]]
    kinds: dict[str, str]
    fits: list[float]
    attack: Attack


def prepare(parts: Parts, work: Work) -> tuple[str, dict[str, Json]]:
    """Take what the tests need, while the rows are there.

    Returns:
        The sealed hold, empty if there is nothing to test; and by model what is known so far.
    """
    held: dict[str, Held] = {}
    said: dict[str, Json] = {}
    if parts.membership_s <= 0:
        return "", said
    about = work.about(parts)
    some = replace(about, subjects=about.subjects[:_PEOPLE], values=about.values[:_PEOPLE])
    try:
        models = _concerned(parts, some)
        tested = models[:_MODELS]
        for version in tested:
            ref = str(version.ref)
            said[ref], one = _of_model(parts, version, some, parts.membership_s / len(tested))
            if one is not None:
                held[ref] = one
        for version in models[_MODELS:]:
            said[str(version.ref)] = {"skipped": f"{_MODELS} models are tested, and it is another"}
        plain = msgspec.msgpack.encode(held)
    except Exception as error:  # noqa: BLE001 - evidence must never keep somebody's data from going
        _log.warning("erasure.untested", erasure=work.id, error=type(error).__name__)
        return "", {}
    if not held:
        return "", said
    return base64.b64encode(parts.keyring.seal(work.id, plain)).decode(), said


def finish(parts: Parts, work: Work) -> dict[str, Json]:
    """Return what is known by model, once the replacements are there; the hold is needed no more."""
    said = dict(work.state.membership)
    if not work.state.hold:
        return said
    opened = parts.keyring.unseal(work.id, base64.b64decode(work.state.hold))
    for ref, held in msgspec.msgpack.decode(opened, type=dict[str, Held]).items():
        condemned = work.state.models.get(ref)
        if condemned is None or condemned.replacement is None:
            said[ref] = {"skipped": "it was not replaced"}
            continue
        try:
            said[ref] = {**said[ref], **_after(parts, condemned.replacement, held)}
        except Exception as error:  # noqa: BLE001 - as above
            said[ref] = {"skipped": f"its replacement can't be asked: {type(error).__name__}"}
    return said


def contradicted(said: Mapping[str, Json]) -> list[str]:
    """Return the models whose replacements are none, by the evidence."""
    return [ref for ref, one in said.items() if one.get("same_answers")]


def _concerned(parts: Parts, about: About) -> list[Version]:
    """Return the models in use that learnt from versions which hold the subjects."""
    sources = {ref for name in about.datasets for ref in parts.datasets.holds(name, *about.values)}
    with parts.ledger.read() as tx:
        live = live_models(tx)
        return [tx.versions.get(ref) for ref in derived_from(tx, sources).models if ref in live]


def _of_model(
    parts: Parts, version: Version, about: About, budget_s: float
) -> tuple[Json, Held | None]:
    model = load_model(version.body["package"], parts.blobs)
    found = _rows_of(parts, version, model, about)
    if isinstance(found, str):
        return {"skipped": found}, None
    source, rows, others = found
    attack = train_shadows(model, others, rows, budget_s=budget_s)
    if isinstance(attack, str):
        return {"skipped": attack}, None
    fits = fit_of(model, rows, attack.scale)
    said: Json = {
        "attack": "LiRA",
        "shadows": attack.shadows,
        "rows_from": source,
        "control": asdict(attack.control),
        "tells": attack.control.auc.low > 0.5,
        "before": asdict(attack.on(fits)),
    }
    kept = Held(
        rows=rows.to_dict(as_series=False),
        kinds={name: str(kind) for name, kind in rows.schema.items()},
        fits=fits.tolist(),
        attack=attack,
    )
    return said, kept


def _rows_of(
    parts: Parts, version: Version, model: Model, about: About
) -> tuple[str, pl.DataFrame, pl.DataFrame] | str:
    """Return a version's rows of the subjects, and a sample of those of others, as the model takes them."""
    wanted = [*model.inputs.names, model.outcome]
    with parts.ledger.read() as tx:
        consumed = [tx.versions.find(Ref.parse(text)) for text in version.body["datasets"]]
    for source in consumed:
        if source is None or not source.body.get("subject"):
            continue
        subject: str = source.body["subject"]
        known = {one["name"] for one in source.body["columns"]}
        if source.state != "ready" or not {*wanted, subject} <= known:
            continue
        names = about.subjects if source.body.get("subject_hashed") else about.values
        rows = parts.datasets.scan(source.ref, columns=list(dict.fromkeys([*wanted, subject])))
        rows = rows.drop_nulls(model.outcome)
        theirs = pl.col(subject).is_in(names)
        mine = rows.filter(theirs).select(wanted).limit(_ROWS).collect()
        if mine.is_empty():
            continue
        rest = rows.filter(~theirs).select(wanted)
        step = max(1, rest.select(pl.len()).collect().item() // _OTHERS)
        return str(source.ref), mine, rest.gather_every(step).limit(_OTHERS).collect()
    return "its inputs and its outcome are not columns of one data set"


def _after(parts: Parts, replacement: str, held: Held) -> Json:
    with parts.ledger.read() as tx:
        version = tx.versions.get(Ref.parse(replacement, "model"))
    model = load_model(version.body["package"], parts.blobs)
    rows = pl.DataFrame(held.rows, schema={name: _kind(one) for name, one in held.kinds.items()})
    fits = fit_of(model, rows, held.attack.scale)
    before, after = held.attack.on(np.array(held.fits)), held.attack.on(fits)
    same = fits.tolist() == held.fits and before.rows >= _SURE and before.auc.low > 0.5
    return {"after": asdict(after), "same_answers": same}


def _kind(name: str) -> Any:
    """Return the type that a frame calls so; models take numbers, truth values and text."""
    return getattr(pl, name, pl.String)


__all__ = ["contradicted", "finish", "prepare"]
