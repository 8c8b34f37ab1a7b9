"""A data set's profile as a picture needs it: a few bars instead of hundreds of quantile bins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from towpath.assets.datasets.profiles import Profile
from towpath.assets.datasets.profiles.strengths import missing_together, strengths
from towpath.core.errors import NotFound
from towpath.server.resources.profiles import Association, Bar, ColumnProfile, DatasetProfile
from towpath.server.views.quality import personal_marks
from towpath.server.views.values import items, number, text

if TYPE_CHECKING:
    from towpath.assets.datasets.profiles import ColumnProfile as Counted
    from towpath.assets.datasets.profiles.strengths import Strength
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json
    from towpath.server.resources.quality import PersonalMark
    from towpath.storage.blobs.contract import BlobStore

_BARS = 28
_WORDS = 12
_TAIL = 0.005
_GROWN = 0.02
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MICROS_PER_S = 1_000_000


def dataset_profile(tx: Transaction, blobs: BlobStore, ref: Ref) -> DatasetProfile:
    """Return the profile that a version's commit computed.

    Raises:
        NotFound: There is no such version, or it has no profile.
    """
    version = tx.versions.get(ref)
    digest = version.body.get("profile")
    if not digest:
        raise NotFound(f"{version.ref} has no profile")
    profile = Profile.decode(blobs.get(digest))
    said = {text(column.get("name")): column for column in items(version.body.get("columns"))}
    marks = {mark.column: mark for mark in personal_marks(version)}
    drawn = profile.drawn
    sums = None if drawn is None else drawn.associations
    repeats = None if drawn is None else drawn.repeats
    return DatasetProfile(
        ref=str(version.ref),
        rows=profile.rows,
        repeated=None if repeats is None else repeats.share,
        associations=[] if sums is None else _strongest(strengths(sums)),
        missing_together=[] if sums is None else _strongest(missing_together(sums)),
        columns=[
            _column(column, said.get(column.name, {}), marks.get(column.name))
            for column in profile.columns
        ],
    )


def _strongest(found: list[Strength]) -> list[Association]:
    """Return pairs of columns, the strongest first."""
    return [
        Association(
            one=pair.one,
            two=pair.two,
            measure=pair.measure,
            value=pair.value,
            linear=pair.linear,
            rows=pair.rows,
        )
        for pair in sorted(found, key=lambda pair: -abs(pair.value))
    ]


def _column(column: Counted, said: Json, mark: PersonalMark | None = None) -> ColumnProfile:
    """Return a column as it is drawn. One that looks personal shows no value, declared so or not."""
    if mark is not None:
        column = replace(column, kind="hidden", edges=column.edges[:0], items=(), fences=None)
    scale = _MICROS_PER_S if column.kind == "time" else 1
    quantiles = {f"{share:.0%}": column.quantile(share) for share in _QUANTILES}
    shown = column.kind != "hidden"
    mean, sd = (number(column.mean), number(column.sd)) if shown else (None, None)
    fences = column.fences
    return ColumnProfile(
        name=column.name,
        type=text(said.get("type")) or column.type,
        kind=column.kind,
        description=text(said.get("description")),
        count=column.count,
        nulls=column.nulls,
        distinct=column.distinct,
        mean=None if mean is None else mean / scale,
        sd=None if sd is None or column.kind != "number" else sd,
        outliers=column.outliers,
        fences=None if fences is None else [bound / scale for bound in fences],
        mark=mark,
        quantiles={name: value / scale for name, value in quantiles.items() if value is not None},
        bars=_bars(column, scale),
    )


def _bars(column: Counted, scale: int) -> list[Bar]:
    match column.kind:
        case "hidden":
            return []
        case "category":
            return _word_bars(column)
        case _:
            few = column.edges.size <= _BARS
            return _value_bars(column, scale) if few else _range_bars(column, scale)


def _word_bars(column: Counted) -> list[Bar]:
    """Return the most frequent values, and everything else as one bar."""
    order = np.argsort(-column.counts[:-1], kind="stable")[:_WORDS]
    bars = [
        Bar(label=column.items[place], since=None, until=None, count=int(column.counts[place]))
        for place in order
        if column.counts[place]
    ]
    rest = column.count - sum(bar.count for bar in bars)
    return [*bars, Bar(label="", since=None, until=None, count=rest)] if rest else bars


def _value_bars(column: Counted, scale: int) -> list[Bar]:
    """Return one bar per bin: so few edges mean that the column takes few values."""
    edges = [float(edge) / scale for edge in column.edges]
    bounds = zip([None, *edges], [*edges, None], column.counts.tolist(), strict=True)
    return [
        Bar(label="", since=since, until=until, count=count)
        for since, until, count in bounds
        if count
    ]


def _range_bars(column: Counted, scale: int) -> list[Bar]:
    """Return ranges of equal width, rows spread evenly inside each quantile bin.

    The half per cent at either end is left out of the width, not of the count, so that one outlier
    does not squeeze everybody else into a single bar. Rows above the last edge (times go on after the
    bins were chosen) get a bar of their own, open to the right, once they are more than a tail.
    """
    beyond = int(column.counts[-1])
    reached = np.cumsum(column.counts[:-1])
    low, high = (column.quantile(share) for share in (_TAIL, 1 - _TAIL))
    if low is None or high is None or low >= high:
        return _value_bars(column.coarsened(_BARS), scale)
    cuts = np.linspace(low, high, _BARS + 1)
    below = np.interp(cuts, column.edges, reached)
    grown = beyond > _GROWN * column.count
    below[0], below[-1] = 0, column.count - beyond * grown
    counts = np.diff(np.rint(below)).astype(int)
    bars = [
        Bar(label="", since=float(since) / scale, until=float(until) / scale, count=int(count))
        for since, until, count in zip(cuts, cuts[1:], counts, strict=False)
    ]
    if grown:
        bars.append(Bar(label="", since=float(high) / scale, until=None, count=beyond))
    return bars
