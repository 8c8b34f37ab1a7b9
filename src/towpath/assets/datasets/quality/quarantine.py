"""Where rows go that a rule sets aside: the data set `NAME.quarantine`.

It is an ordinary data set about the same people, so whatever reaches a data set reaches it: versions,
profiles, suppression, erasure. A row is told apart by its content, so a batch that is sent again, or a
load that is begun again after a kill, sets nothing aside twice.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args, get_origin, get_type_hints

import polars as pl

from towpath.assets.checks import REASON
from towpath.assets.datasets.declaration import QUARANTINE_ID, Dataset
from towpath.assets.datasets.schema import Doc, Personal, Schema

if TYPE_CHECKING:
    from towpath.assets.datasets.schema import Column

SUFFIX = ".quarantine"
_ID_DIGITS = 32


def is_quarantine(name: str) -> bool:
    """Tell whether a data set's name is that of a quarantine."""
    return name.endswith(SUFFIX)


def quarantine_of(dataset: Dataset) -> Dataset:
    """Return the declaration of the data set that holds the rows set aside from another.

    It has the same columns, all of which may be missing and none of which has bounds, since what rows
    of it have in common is that something is wrong with them; the same subject; and two columns more.
    """
    return Dataset(
        f"{dataset.name}{SUFFIX}",
        schema=_schema(dataset.schema),
        key=QUARANTINE_ID,
        subject=dataset.subject,
        subject_field=dataset.subject_field,
        subject_hashed=dataset.subject_hashed,
        description=f"Rows that rules of {dataset.name} set aside, and why.",
        buckets=dataset.buckets,
    )


def quarantine_rows(dataset: Dataset, aside: pl.DataFrame) -> pl.DataFrame:
    """Return rows that were set aside as rows of the quarantine.

    Args:
        dataset: The data set that they were meant for.
        aside: Its columns, and `quarantine_reason`. Equal rows become one.
    """
    content = [
        pl.col(column.name).bin.encode("hex") if column.type == "binary" else pl.col(column.name)
        for column in dataset.columns
    ]
    texts = aside.select(pl.struct(content).struct.json_encode().alias("text"))["text"]
    ids = [hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS] for text in texts]
    names = [column.name for column in quarantine_of(dataset).columns]
    rows = aside.with_columns(pl.Series(QUARANTINE_ID, ids, dtype=pl.String)).select(names)
    return rows.unique(QUARANTINE_ID, keep="last", maintain_order=True)


@cache
def _schema(schema: type[Schema]) -> type[Schema]:
    """Return a schema of the same columns, each of which may be missing, and what a quarantine adds."""
    hints = get_type_hints(schema, include_extras=True)
    annotations: dict[str, Any] = {
        QUARANTINE_ID: Annotated[str, Doc("digest of the row's content")],
        REASON: Annotated[str, Doc("titles of the rules that the row broke")],
    }
    for column in schema.columns():
        annotations[column.name] = _loosened(column, hints[column.name])
    made = type(f"{schema.__name__}Quarantine", (Schema,), {"__annotations__": annotations})
    return cast("type[Schema]", made)


def _loosened(column: Column, hint: Any) -> Any:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    bare = next((one for one in get_args(hint) if one is not type(None)), hint)
    while get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    notes = [*([Doc(column.description)] if column.description else [])]
    if column.personal:
        return Annotated[bare | None, Personal(), *notes]
    return Annotated[bare | None, notes[0]] if notes else bare | None
