"""The two data sets that a queue writes: what was settled, and what everybody said.

Their subject column holds the keyed hash that the decision log has, so an erasure finds their rows, and
nobody else can tell from them whom a row is about.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec

from towpath.assets.datasets import Dataset, Doc, Personal, Schema
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from towpath.assets.datasets import Column

_TYPES: dict[str, Any] = {
    "string": str,
    "int64": int,
    "float64": float,
    "bool": bool,
    "timestamp": datetime,
    "date": date,
    "binary": bytes,
}
_BUCKETS = 4  # as many rows as people can judge
KeptType: TypeAlias = Literal["string", "int64", "float64", "bool", "timestamp", "date", "binary"]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An input of the decision that goes into the labelled set: any value of its type, or none.

    Bounds that the schema declares are left behind: what a model was really asked is what counts.
    """

    name: str
    type: KeptType
    personal: bool = False
    description: str = ""

    @classmethod
    def of(cls, column: Column) -> Kept:
        """Take over what a schema says of a column."""
        return cls(
            name=column.name,
            type=column.type,
            personal=column.personal,
            description=column.description,
        )

    @property
    def annotation(self) -> Any:
        """The column as a schema's annotation."""
        notes = [Doc(self.description)] if self.description else []
        marks = [Personal()] if self.personal else []
        hint = _TYPES[self.type] | None
        for note in (*notes, *marks):
            hint = Annotated[hint, note]
        return hint


class Labelled(Schema):
    """A decision whose label is settled."""

    decision_id: str
    at: Annotated[datetime, Doc("event time of the decision")]
    model: Annotated[str, Doc("the model version that decided")]
    label: Annotated[str, Doc("what people say was true")]
    value: Annotated[float, Doc("the label's number, as the decision log has it")]
    settled_by: Annotated[str, Doc("agreement or adjudication")]
    settled_at: Annotated[datetime, Doc("event time at which it was settled")]
    judgements: Annotated[int, Doc("how many people gave a label")]
    agreeing: Annotated[float | None, Doc("share of them who gave this one")]
    weight: Annotated[
        float | None, Doc("decisions that a randomly drawn one stands for; null if ranked")
    ]


class Said(Schema):
    """What one person said of one decision."""

    decision_id: str
    annotator: Annotated[str, Personal(), Doc("the name they gave")]
    at: Annotated[datetime, Doc("event time at which they said it")]
    label: Annotated[str | None, Doc("null where they passed the item over")]
    comment: Annotated[str | None, Personal(), Doc("what they wrote beside it")]
    spent_s: Annotated[float | None, Doc("seconds from being shown the item to answering")]


@cache
def labelled_set(name: str, service: str, subject: str | None, kept: tuple[Kept, ...]) -> Dataset:
    """Return the declaration of a queue's labelled set.

    Raises:
        InvalidProject: A kept input is named like one of the set's own columns.
    """
    own = {column.name for column in Labelled.columns()} | {"subject"}
    taken = sorted(own.intersection(column.name for column in kept))
    if taken:
        raise InvalidProject(
            f"label queue {name!r} keeps the input {taken[0]!r}, which its set has as a column already",
            remedy="Leave it out of `keep`; join the decision log where you need it.",
        )
    inputs = {column.name: column.annotation for column in kept}
    return Dataset(
        name,
        schema=_with(Labelled, subject, inputs),
        key="decision_id",
        time="at",
        description=f"Decisions of {service}, labelled by people",
        **_about(subject),
    )


@cache
def judgements_set(name: str, service: str, subject: str | None) -> Dataset:
    """Return the declaration of a queue's set of judgements."""
    return Dataset(
        f"{name}.judgements",
        schema=_with(Said, subject, {}),
        key=("decision_id", "annotator"),
        time="at",
        description=f"What each annotator said of decisions of {service}",
        **_about(subject),
    )


def _with(base: type[Schema], subject: str | None, inputs: dict[str, Any]) -> type[Schema]:
    """Return the schema with the subject's hash, where there are subjects, and the kept inputs."""
    more = dict(inputs)
    if subject is not None:
        more["subject"] = Annotated[str | None, Doc(f"keyed hash of the {subject}")]
    return type(base.__name__, (base,), {"__annotations__": more, "__module__": __name__})


def _about(subject: str | None) -> dict[str, Any]:
    if subject is None:
        return {}
    return {
        "subject": "subject",
        "subject_field": subject,
        "subject_hashed": True,
        "buckets": _BUCKETS,
    }
