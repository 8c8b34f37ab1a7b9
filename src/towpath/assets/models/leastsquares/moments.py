"""What least squares need to know of rows, and all they need: exact sums, which rows can be taken out of again.

The number of rows, the sum of each column, and the sum of each product of two columns, the outcome among
them. Nothing is rounded, so the moments of some rows are the same object in whatever order and parts they
were added up, and after rows are taken out they are those of the rows that are left, to the bit. A model
that is made from them is therefore exactly the one that would have been trained without those rows: the
linear case of Cauwenberghs and Poggio, "Incremental and decremental support vector machine learning",
NeurIPS 2000, without the drift that down-dating has in floating point.

Text columns are counted as one column for each level that some row has (one-hot). A level that nobody has
any more is gone from the moments, name and all.

Moments are sums over people, and not anonymous: those of one row are that row, those of few rows nearly give
them, and the difference of two tells the rows between them. They are to be kept like the rows: as the result
of a step they are erased with those, and a model made from them does not carry them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import msgspec
import numpy as np

from towpath.assets.models.inputs import Inputs
from towpath.assets.models.leastsquares.products import BLOCK_ROWS, ExactMatrix, gram
from towpath.core.digests import canonical_json, digest_bytes
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import polars as pl

    from towpath.ledger.records import Json

Term: TypeAlias = "tuple[str, str | None]"
"""A column of the sums: an input column, and for text the level that it counts."""

KIND = "moments"
FORMAT = 1
MAX_TERMS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Exact sums over rows. Immutable; equal for equal rows.

    Attributes:
        inputs: The features' columns and, for text, the levels that some row has, sorted.
        outcome: Name of the outcome.
        sums: Of products of all pairs of: 1, each term, the outcome. The first cell counts the rows.
    """

    inputs: Inputs
    outcome: str
    sums: ExactMatrix

    @classmethod
    def of(cls, features: pl.DataFrame, outcome: pl.Series) -> Self:
        """Add rows up.

        Args:
            features: The training features and nothing else; no value is missing.
            outcome: The truth, row by row; its name becomes the outcome's.

        Cost: about ten passes over the rows, 1 s for a million rows of ten columns.

        Raises:
            UsageError: A value is missing or infinite, lengths differ, or there are more than 64 columns,
                levels counted.
        """
        inputs = _inputs_of(features, outcome)
        terms = _terms(inputs)
        truth = outcome.to_numpy().astype(np.float64)
        matrix = inputs.matrix(features)
        for name, values in ((outcome.name, truth), *zip(inputs.names, matrix.T, strict=True)):
            if not np.isfinite(values).all():
                raise UsageError(
                    f"the column {name!r} has values that are missing or infinite",
                    remedy="Fill them, or drop their rows: sums have no place for them.",
                    column=name,
                )
        sums = gram(_blocks(matrix, truth, inputs, terms), len(terms) + 2)
        return cls(inputs=inputs, outcome=outcome.name, sums=sums)

    @property
    def rows(self) -> int:
        """How many rows were added up."""
        count, exponent = self.sums.cells[0][0], self.sums.exponent
        return count << exponent if exponent >= 0 else count >> -exponent

    @property
    def terms(self) -> tuple[Term, ...]:
        """What the sums' columns stand for, between the 1 and the outcome."""
        return tuple(_terms(self.inputs))

    @property
    def digest(self) -> str:
        """SHA-256 of `encode`."""
        return digest_bytes(self.encode())

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of rows."""
        return self._combined(other, sign=1)

    def __sub__(self, other: Moments) -> Moments:
        """Return the moments of the rows that are not the other's.

        Raises:
            UsageError: The other has rows that this has not, as far as counts and squares tell.
        """
        return self._combined(other, sign=-1)

    def update(self, features: pl.DataFrame, outcome: pl.Series) -> Moments:
        """Return the moments with more rows. Raises as `of`."""
        return self + type(self).of(features, outcome)

    def downdate(self, features: pl.DataFrame, outcome: pl.Series) -> Moments:
        """Return the moments without some of the rows: what `of` gives for the others, to the bit.

        Raises:
            UsageError: As `of` and `-`.
        """
        return self - type(self).of(features, outcome)

    def encode(self) -> bytes:
        """Return JSON: the same moments give the same bytes."""
        document: Json = {
            "towpath": KIND,
            "format": FORMAT,
            "inputs": self.inputs.to_json(),
            "outcome": self.outcome,
            "exponent": self.sums.exponent,
            "sums": [[f"{cell:x}" for cell in row] for row in self.sums.cells],
        }
        return canonical_json(document)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: It is not that.
        """
        try:
            document: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
            if (document["towpath"], document["format"]) != (KIND, FORMAT):
                raise IntegrityError("the moments are of another format")
            inputs = Inputs.from_json(document["inputs"])
            cells = [[int(cell, 16) for cell in row] for row in document["sums"]]
            size = len(_terms(inputs)) + 2
            if len(cells) != size or any(len(row) != size for row in cells):
                raise IntegrityError("the moments' sums don't fit their columns")
            sums = ExactMatrix.of(cells, document["exponent"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(f"the moments can't be read: {error!r}") from error
        return cls(inputs=inputs, outcome=document["outcome"], sums=sums)

    def _combined(self, other: Moments, *, sign: int) -> Moments:
        if (self.inputs.columns, self.outcome) != (other.inputs.columns, other.outcome):
            raise UsageError(
                "these are moments of different columns",
                remedy="Take the same features in the same order, with the same types, everywhere.",
            )
        levels = {
            name: tuple(sorted({*mine, *other.inputs.levels[name]}))
            for name, mine in self.inputs.levels.items()
        }
        inputs = replace(self.inputs, levels=levels)
        places = {term: at for at, term in enumerate(_terms(inputs), start=1)}
        _check_terms(len(places))
        size = len(places) + 2
        sums = self.sums.placed(_places(self.terms, places, size), size).combined(
            other.sums.placed(_places(other.terms, places, size), size), sign=sign
        )
        if any(sums.cells[at][at] < 0 for at in range(size)) or _is_short(sums, inputs):
            raise UsageError(
                "rows were to be taken out of moments that they are not in",
                remedy="Take out only what was added, with the same values.",
            )
        return _without_empty(Moments(inputs=inputs, outcome=self.outcome, sums=sums))


def _inputs_of(features: pl.DataFrame, outcome: pl.Series) -> Inputs:
    """Return the inputs; an `Enum` counts the levels that rows have, as text does."""
    import polars as pl  # noqa: PLC0415 - the gateway imports this package and never a frame

    if len(outcome) != features.height:
        raise UsageError(f"{features.height} rows of features have {len(outcome)} outcomes")
    text = [
        name
        for name, kind in features.schema.items()
        if isinstance(kind, (pl.Categorical, pl.Enum))
    ]
    inputs = Inputs.of(features.with_columns(pl.col(text).cast(pl.String)) if text else features)
    _check_terms(len(_terms(inputs)))
    return inputs


def _check_terms(count: int) -> None:
    if count > MAX_TERMS:
        raise UsageError(
            f"least squares over {count} columns, levels of text counted, can't be solved exactly in "
            f"good time; {MAX_TERMS} are",
            remedy="Group rare levels, or train another kind of model.",
        )


def _terms(inputs: Inputs) -> list[Term]:
    """Return a term for each number column, and one for each level of a text column."""
    found: list[Term] = []
    for name in inputs.names:
        levels = inputs.levels.get(name)
        found.extend([(name, None)] if levels is None else [(name, level) for level in levels])
    return found


def _blocks(
    matrix: npt.NDArray[np.float64],
    truth: npt.NDArray[np.float64],
    inputs: Inputs,
    terms: list[Term],
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield rows of: 1, each term, the outcome."""
    columns = {name: at for at, name in enumerate(inputs.names)}
    for start in range(0, len(truth), BLOCK_ROWS):
        rows = matrix[start : start + BLOCK_ROWS]
        block = np.ones((len(rows), len(terms) + 2))
        codes: dict[str, int] = {}
        for at, (name, level) in enumerate(terms, start=1):
            values = rows[:, columns[name]]
            if level is None:
                block[:, at] = values
            else:  # levels are listed in the order of their codes
                code = codes.get(name, 0)
                codes[name] = code + 1
                block[:, at] = values == code
        block[:, -1] = truth[start : start + BLOCK_ROWS]
        yield block


def _places(terms: tuple[Term, ...], places: dict[Term, int], size: int) -> list[int]:
    """Return where each row of the sums goes in larger ones."""
    return [0, *(places[term] for term in terms), size - 1]


def _is_short(sums: ExactMatrix, inputs: Inputs) -> bool:
    """Tell whether a text column's levels don't add up to the rows: some were never there."""
    counts: dict[str, int] = {}
    for at, (name, level) in enumerate(_terms(inputs), start=1):
        if level is not None:
            counts[name] = counts.get(name, 0) + sums.cells[at][at]
    return any(count != sums.cells[0][0] for count in counts.values())


def _without_empty(whole: Moments) -> Moments:
    """Drop levels that no row has."""
    terms = whole.terms
    gone = {
        term
        for at, term in enumerate(terms, start=1)
        if term[1] is not None and whole.sums.cells[at][at] == 0
    }
    if not gone:
        return whole
    levels = {
        name: tuple(level for level in have if (name, level) not in gone)
        for name, have in whole.inputs.levels.items()
    }
    left = [term for term in terms if term not in gone]
    places = {term: at for at, term in enumerate(left, start=1)}
    size = len(left) + 2
    drop = [0, *(places.get(term, -1) for term in terms), size - 1]
    return replace(
        whole, inputs=replace(whole.inputs, levels=levels), sums=whole.sums.placed(drop, size)
    )


__all__ = ["KIND", "MAX_TERMS", "Moments", "Term"]
