"""What a profile knows of rows rather than of columns, from a bounded draw of them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
import numpy as np

from towpath.assets.datasets.profiles.associations import (
    Associations,
    CodedCategory,
    CodedNumber,
    choose_associations,
)
from towpath.assets.datasets.profiles.drawing import Draw, choose_draw
from towpath.assets.datasets.profiles.repeats import Repeats, choose_repeats

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

    from towpath.assets.datasets.profiles.column import ColumnProfile

_Sums = TypeVar("_Sums", Associations, Repeats)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Sums over the rows that a hash of their content drew; a draw grows to twice 32,768 rows at most.

    Attributes:
        draw: How rows are drawn.
        associations: What goes together; None with fewer than two columns that vary.
        repeats: How many rows repeat another; None where every column is in the key.
    """

    draw: Draw
    associations: Associations | None
    repeats: Repeats | None

    @classmethod
    def choose(
        cls,
        frame: pl.DataFrame,
        columns: Sequence[ColumnProfile],
        keys: Sequence[str],
        *,
        rows: int,
    ) -> Self:
        """Choose how to draw and what to sum up, and do it.

        Args:
            frame: The rows.
            columns: Their profiles.
            keys: The columns that tell rows apart.
            rows: How many rows the table has, of which `frame` may be a sample.
        """
        draw = choose_draw(columns, keys, rows=rows)
        drawn = draw.rows(frame)
        return cls(
            draw=draw,
            associations=choose_associations(columns, drawn),
            repeats=choose_repeats(
                drawn, [column.name for column in columns if column.name not in keys]
            ),
        )

    def recount(self, frame: pl.DataFrame) -> Drawn:
        """Sum up over other rows, drawn alike."""
        drawn = self.draw.rows(frame)
        return Drawn(
            draw=self.draw,
            associations=None if self.associations is None else self.associations.recount(drawn),
            repeats=None if self.repeats is None else self.repeats.recount(drawn),
        )

    def merge(self, other: Drawn) -> Drawn | None:
        """Return the sums over both sets of rows; None if they were drawn differently."""
        return self._combined(other, out=False)

    def without(self, other: Drawn) -> Drawn | None:
        """Return the sums over these rows but for `other`'s, which are among them."""
        return self._combined(other, out=True)

    def has_bins_of(self, other: Drawn) -> bool:
        """Tell whether both draw alike, and sum up in the same code."""
        return (
            self.draw == other.draw
            and _same_bins(self.associations, other.associations)
            and _same_bins(self.repeats, other.repeats)
        )

    def _combined(self, other: Drawn, *, out: bool) -> Drawn | None:
        if self.draw != other.draw:
            return None
        return Drawn(
            draw=self.draw,
            associations=_both(self.associations, other.associations, out=out),
            repeats=_both(self.repeats, other.repeats, out=out),
        )

    def store(self) -> StoredDrawn:
        """Return the sums as JSON holds them."""
        sums, repeats = self.associations, self.repeats
        return StoredDrawn(
            columns=list(self.draw.columns),
            bound=self.draw.bound,
            associations=None if sums is None else StoredAssociations.store(sums),
            repeats=None if repeats is None else StoredRepeats.store(repeats),
        )


def _same_bins(one: _Sums | None, two: _Sums | None) -> bool:
    if one is None or two is None:
        return one is two
    return one.has_bins_of(two)


def _both(one: _Sums | None, two: _Sums | None, *, out: bool) -> _Sums | None:
    if one is None or two is None or not one.has_bins_of(two):
        return None
    return one.without(two) if out else one.merge(two)


class StoredDrawn(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The sums as JSON."""

    columns: list[str]
    bound: int
    associations: StoredAssociations | None = None
    repeats: StoredRepeats | None = None

    def load(self) -> Drawn:
        """Return what `Drawn.store` wrote."""
        return Drawn(
            draw=Draw(columns=tuple(self.columns), bound=self.bound),
            associations=None if self.associations is None else self.associations.load(),
            repeats=None if self.repeats is None else self.repeats.load(),
        )


class StoredNumber(msgspec.Struct, kw_only=True):
    """How a number is coded, as JSON."""

    name: str
    centre: float
    scale: float
    edges: list[float]
    ranks: list[float]


class StoredCategory(msgspec.Struct, kw_only=True):
    """How a category is coded, as JSON."""

    name: str
    items: list[str]


class StoredAssociations(msgspec.Struct, kw_only=True):
    """Sums of products as JSON: half of the symmetric matrix, as little-endian doubles in base 64."""

    numbers: list[StoredNumber]
    categories: list[StoredCategory]
    rows: int
    products: str
    squares: str

    @classmethod
    def store(cls, sums: Associations) -> Self:
        """Return the sums as JSON holds them."""
        half = sums.products[np.triu_indices(sums.products.shape[0])]
        return cls(
            numbers=[
                StoredNumber(
                    name=one.name,
                    centre=one.centre,
                    scale=one.scale,
                    edges=one.edges.tolist(),
                    ranks=one.ranks.tolist(),
                )
                for one in sums.numbers
            ],
            categories=[
                StoredCategory(name=one.name, items=list(one.items)) for one in sums.categories
            ],
            rows=sums.rows,
            products=_text(half, "<f8"),
            squares=_text(sums.squares, "<f8"),
        )

    def load(self) -> Associations:
        """Return what `store` wrote."""
        categories = tuple(
            CodedCategory(name=one.name, items=tuple(one.items)) for one in self.categories
        )
        m, c = len(self.numbers), sum(one.places for one in categories)
        products = np.zeros((3 * m + c, 3 * m + c))
        products[np.triu_indices(3 * m + c)] = _array(self.products, "<f8")
        return Associations(
            numbers=tuple(
                CodedNumber(
                    name=one.name,
                    centre=one.centre,
                    scale=one.scale,
                    edges=np.array(one.edges, dtype=np.float64),
                    ranks=np.array(one.ranks, dtype=np.float64),
                )
                for one in self.numbers
            ),
            categories=categories,
            rows=self.rows,
            products=products + np.triu(products, 1).T,
            squares=_array(self.squares, "<f8").reshape(2 * m, m + c),
        )


class StoredRepeats(msgspec.Struct, kw_only=True):
    """Contents of rows as JSON: hashes and counts in base 64."""

    columns: list[str]
    bound: int
    hashes: str
    counts: str

    @classmethod
    def store(cls, repeats: Repeats) -> Self:
        """Return the counts as JSON holds them."""
        return cls(
            columns=list(repeats.columns),
            bound=repeats.bound,
            hashes=_text(repeats.hashes, "<u8"),
            counts=_text(repeats.counts, "<u4"),
        )

    def load(self) -> Repeats:
        """Return what `store` wrote."""
        return Repeats(
            columns=tuple(self.columns),
            bound=self.bound,
            hashes=_array(self.hashes, "<u8").astype(np.uint64),
            counts=_array(self.counts, "<u4").astype(np.int64),
        )


def _text(values: NDArray[Any], kind: str) -> str:
    return b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def _array(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(b64decode(text), dtype=kind)
