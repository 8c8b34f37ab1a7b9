"""A reference as JSON: profiles as data sets store theirs, counts of blocks as packed integers."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from towpath.assets.datasets.profiles import Profile
from towpath.assets.models.blocks import Calendar  # noqa: TC001 - msgspec reads the annotations at run time
from towpath.assets.models.columns import ColumnReference
from towpath.assets.models.dependence import Dependence, Moments
from towpath.assets.models.expectation import Expectation  # noqa: TC001 - likewise
from towpath.assets.models.outlyingness import Outlyingness  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class StoredDependence(msgspec.Struct, kw_only=True):
    """Moments of each block; of the symmetric matrices the upper triangle, to seven digits."""

    names: list[str]
    rows: list[float]
    first: str
    second: str


class Document(msgspec.Struct, kw_only=True):
    """A reference. `calendar_of` and `blocks` are in the columns' order."""

    format: int
    rows: int
    days: bool
    profile: str
    calendars: list[Calendar]
    calendar_of: list[int]
    blocks: list[str]
    losses: list[Any]
    dependence: StoredDependence | None = None
    expectation: Expectation | None = None
    outlyingness: Outlyingness | None = None


def store(
    format_: int,
    columns: Sequence[ColumnReference],
    *,
    losses: Sequence[Any],
    rows: int,
    days: bool,
    dependence: Dependence | None,
    expectation: Expectation | None,
    outlyingness: Outlyingness | None,
) -> Document:
    """Return the parts of a reference as a document."""
    calendars = list(dict.fromkeys(one.calendar for one in columns))
    profile = Profile(rows=rows, chosen_from=rows, columns=tuple(one.profile for one in columns))
    return Document(
        format=format_,
        rows=rows,
        days=days,
        profile=profile.encode().decode(),
        calendars=calendars,
        calendar_of=[calendars.index(one.calendar) for one in columns],
        blocks=[_pack(one.blocks.astype("<i4")) for one in columns],
        losses=list(losses),
        dependence=None if dependence is None else _store_dependence(dependence),
        expectation=expectation,
        outlyingness=outlyingness,
    )


def load_columns(document: Document) -> tuple[ColumnReference, ...]:
    """Return a document's columns."""
    found: list[ColumnReference] = []
    profiles = Profile.decode(document.profile.encode()).columns
    for profile, packed, at in zip(profiles, document.blocks, document.calendar_of, strict=True):
        counts = np.frombuffer(b64decode(packed), dtype="<i4").astype(np.int64)
        found.append(
            ColumnReference(
                profile=profile,
                blocks=counts.reshape(-1, len(profile.groups) + 1),
                calendar=document.calendars[at],
            )
        )
    return tuple(found)


def load_dependence(document: Document) -> Dependence | None:
    """Return what a document says of how columns go together."""
    stored = document.dependence
    if stored is None:
        return None
    size = len(stored.names)
    upper = np.triu_indices(size)
    first = _unpack(stored.first).reshape(-1, size)
    second = _unpack(stored.second).reshape(-1, len(upper[0]))
    moments: list[Moments] = []
    for rows, one, two in zip(stored.rows, first, second, strict=True):
        whole = np.zeros((size, size))
        whole[upper] = two
        moments.append(
            Moments(rows=rows, drawn=rows, first=one, second=whole + np.triu(whole, 1).T)
        )
    return Dependence(names=tuple(stored.names), blocks=tuple(moments))


def _store_dependence(dependence: Dependence) -> StoredDependence:
    size = len(dependence.names)
    upper = np.triu_indices(size)
    first = np.array([one.first for one in dependence.blocks]).reshape(-1, size)
    second = np.array([one.second[upper] for one in dependence.blocks]).reshape(-1, len(upper[0]))
    return StoredDependence(
        names=list(dependence.names),
        rows=[one.rows for one in dependence.blocks],
        first=_pack(first.astype("<f4")),
        second=_pack(second.astype("<f4")),
    )


def _pack(values: npt.NDArray[Any]) -> str:
    return b64encode(values.tobytes()).decode()


def _unpack(packed: str) -> npt.NDArray[np.float64]:
    return np.frombuffer(b64decode(packed), dtype="<f4").astype(np.float64)
