"""A window of live traffic as counts: what is kept of it, and what is judged."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from towpath.assets.datasets.profiles import Profile
from towpath.assets.models.columns import countable
from towpath.assets.models.dependence import Moments
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.profiles import ColumnProfile
    from towpath.assets.models.reference import Reference

_DRAWN_ROWS = (
    4096  # correlations to a sixtieth; scoring all rows would cost as much as counting them
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowCounts:
    """How some of a window's decisions are spread over a reference's bins.

    Counts of parts of a window merge into those of all of it: exactly, in any order. So a part is
    counted once, when its file is sealed, and a window's cost does not grow with its rows: below 9 kB
    per column. There is nobody's value in it, but a count may be about one person: counts are derived
    data, which an erasure deletes and which are counted again from what the log has left.

    Attributes:
        rows: Rows of the log that went in.
        weight: Σ w: how many decisions they stand for.
        squares: Σ w², for the `effective` number of rows.
        profile: The columns' counts, in decisions.
        moments: Sums of normal scores over a draw of the rows; None where the reference has none.
    """

    rows: int
    weight: float
    squares: float
    profile: Profile
    moments: Moments | None = None

    @property
    def effective(self) -> float:
        """Rows without weights that would tell as much (Kish 1965): (Σ w)² / Σ w²."""
        return self.weight**2 / self.squares if self.squares else 0.0

    def column(self, name: str) -> ColumnProfile:
        """Return a column's counts. Raises `NotFound` for one that was not counted."""
        return self.profile.column(name)

    def merge(self, other: WindowCounts) -> WindowCounts:
        """Return the counts of both sets of rows.

        Raises:
            UsageError: They were counted on different references.
        """
        moments = other.moments if self.moments is None else self.moments
        if self.moments is not None and other.moments is not None:
            moments = self.moments.merge(other.moments)
        return WindowCounts(
            rows=self.rows + other.rows,
            weight=self.weight + other.weight,
            squares=self.squares + other.squares,
            profile=self.profile.merge(other.profile),
            moments=moments,
        )

    def encode(self) -> bytes:
        """Return canonical JSON, compressed: what `decode` reads."""
        moments = self.moments
        return zlib.compress(
            canonical_json(
                _Stored(
                    rows=self.rows,
                    weight=self.weight,
                    squares=self.squares,
                    profile=self.profile.encode().decode(),
                    scored=0.0 if moments is None else moments.rows,
                    drawn=0.0 if moments is None else moments.drawn,
                    first=None if moments is None else moments.first.tolist(),
                    second=None if moments is None else moments.second.tolist(),
                )
            ),
            6,
        )

    @classmethod
    def decode(cls, data: bytes) -> WindowCounts:
        """Read what `encode` wrote. Raises `IntegrityError` for anything else."""
        try:
            stored = msgspec.json.decode(zlib.decompress(data), type=_Stored)
        except (msgspec.DecodeError, zlib.error) as error:
            raise IntegrityError(f"these bytes are not the counts of a window: {error}") from error
        moments = None
        if stored.first is not None and stored.second is not None:
            moments = Moments(
                rows=stored.scored,
                drawn=stored.drawn,
                first=np.array(stored.first),
                second=np.array(stored.second).reshape(len(stored.first), -1),
            )
        return cls(
            rows=stored.rows,
            weight=stored.weight,
            squares=stored.squares,
            profile=Profile.decode(stored.profile.encode()),
            moments=moments,
        )


class _Stored(msgspec.Struct, kw_only=True):
    rows: int
    weight: float
    squares: float
    profile: str
    scored: float
    drawn: float
    first: list[float] | None
    second: list[list[float]] | None


def count_rows(
    reference: Reference, rows: pl.DataFrame, weights: pl.Series, *, names: Sequence[str]
) -> WindowCounts:
    """Count rows on a reference's bins.

    Args:
        reference: Whose bins.
        rows: Columns of the reference, under its names. A column that is missing counts as missing
            values.
        weights: How many decisions each row stands for. Sampling goes by policies, so there are few
            different ones, and rows of one weight are counted together.
        names: Which columns to count.
    """
    wanted = set(names)
    bins = Profile(
        rows=0,
        chosen_from=reference.rows,
        columns=tuple(one.profile for one in reference.columns if one.name in wanted),
    )
    frame = pl.DataFrame([_column(rows, one) for one in bins.columns])
    profile: Profile | None = None
    for (weight,), part in frame.with_columns(weights.alias("\0weight")).group_by(
        "\0weight", maintain_order=True
    ):
        counted = _times(bins.recount(part.drop("\0weight")), float(str(weight)))
        profile = counted if profile is None else profile.merge(counted)
    dependence = reference.dependence
    moments = None
    if dependence is not None and wanted.issuperset(dependence.names):
        stride = max(1, -(-len(frame) // _DRAWN_ROWS))
        weighed = weights.cast(pl.Float64).gather_every(stride).to_numpy() * stride
        moments = dependence.moments(bins.columns, frame.gather_every(stride), weighed)
    return WindowCounts(
        rows=len(rows),
        weight=float(weights.sum()),
        squares=float((weights**2).sum()),
        profile=bins.recount(frame) if profile is None else profile,
        moments=moments,
    )


def _column(rows: pl.DataFrame, bins: ColumnProfile) -> pl.Series:
    if bins.name not in rows.columns:
        return pl.Series(bins.name, [None] * len(rows), dtype=pl.Float64)
    return countable(rows.get_column(bins.name), bins)


def _times(profile: Profile, weight: float) -> Profile:
    """Return the counts of decisions that were each kept with probability 1 / weight."""
    if weight == 1.0:
        return profile
    columns = [
        replace(
            one,
            counts=np.rint(one.counts * weight).astype(np.int64),
            nulls=round(one.nulls * weight),
            spread=one.spread * weight,
            sums=None if one.sums is None else one.sums * weight,
            beyond=(round(one.beyond[0] * weight), round(one.beyond[1] * weight)),
        )
        for one in profile.columns
    ]
    return replace(profile, rows=round(profile.rows * weight), columns=tuple(columns))
