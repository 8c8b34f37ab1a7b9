"""How test rows hang together, and what that does to the means that bounds are taken of.

Rows of a forecast are not independent: a bad Monday is followed by a bad Tuesday. So their losses are
averaged over runs of consecutive periods, long enough that two runs have little to do with each other,
and the bound is taken over those ("batch means": J. Flegal, G. Jones, "Batch means and spectral
variance estimators in Markov chain Monte Carlo", Annals of Statistics 38 (2010) 1034-1070, with
batches of ⌊√n⌋ periods). Rows of a ranking belong to lists; a list is one observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models import Arrangement
    from towpath.build.gates.bounds import Floats

Ints: TypeAlias = "npt.NDArray[np.int64]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """The place of each test row. Empty for tasks whose rows stand alone.

    Attributes:
        group: The group of each row, numbered from 0, `(n,) int64`; None where rows have none.
        period: The rank of each row's moment among those in the test rows, from 0; None likewise.
        scale: What a forecast's errors are divided by, row by row: how far the value of one season
            ago was off, on average over the training rows of the row's series. None where it is not
            known; NaN for a series that training did not hold.
    """

    group: Ints | None = None
    period: Ints | None = None
    scale: Floats | None = None

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return 0 if self.group is None or not self.group.size else int(self.group.max()) + 1

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return 0 if self.period is None or not self.period.size else int(self.period.max()) + 1

    def batched(self, values: Floats) -> Floats:
        """Return what may be taken for independent: the values, or their means over runs of periods.

        The parts' mean is the mean of all values, so runs of unequal numbers of rows count by them.
        """
        if self.period is None or self.periods < 2:
            return values
        length = max(1, int(np.sqrt(self.periods)))
        batch = np.minimum(self.period // length, self.periods // length - 1)
        rows = np.bincount(batch)
        sums = np.bincount(batch, values)
        kept = rows > 0
        return sums[kept] * (kept.sum() / values.size)


ALONE = Within()
"""Rows that stand alone."""


def arrange(
    test: pl.DataFrame,
    training: pl.DataFrame | None,
    arrangement: Arrangement,
    outcome: str,
    name: str,
) -> Within:
    """Find the place of each test row.

    Args:
        test: The rows with a known outcome.
        training: A table that the model was made from and that has the same columns, if one is known:
            the scale of a forecast's errors comes from it.
        arrangement: What the model's package says.
        outcome: The column with the truth.
        name: The candidate's, for messages.

    Raises:
        InvalidProject: A column is missing, or a forecast's test rows begin before its training ends.
    """
    absent = [column for column in arrangement.columns if column not in test.columns]
    if absent:
        raise InvalidProject(
            f"the test rows of the candidate {name!r} have no column {absent[0]!r}",
            remedy="It says which rows belong together, or their order; keep it in the test table.",
            columns=absent,
        )
    group = _codes(test, arrangement.group) if arrangement.group else None
    if arrangement.time is None:
        return Within(group=group)
    time = arrangement.time
    wanted = [*arrangement.columns, outcome]
    past = training if training is not None and set(wanted) <= set(training.columns) else None
    if past is not None and past.height and test.height:
        newest, oldest = past.get_column(time).max(), test.get_column(time).min()
        if oldest is not None and newest is not None and oldest <= newest:  # pyright: ignore[reportOperatorIssue] - both of one column's type
            raise InvalidProject(
                f"the test rows of the forecast {name!r} begin before its training rows end",
                remedy=f"Part the rows by time: split(rows, by={time!r}, last=…).",
            )
    return Within(
        group=group,
        period=_codes(test, (time,)),
        scale=None if past is None else _scale(test, past, arrangement, outcome),
    )


def _codes(rows: pl.DataFrame, columns: tuple[str, ...]) -> Ints:
    """Return the rank of each row's values among the distinct ones, from 0."""
    return rows.select(pl.struct(columns).rank("dense")).to_series().to_numpy().astype(np.int64) - 1


def _scale(
    test: pl.DataFrame, past: pl.DataFrame, arrangement: Arrangement, outcome: str
) -> Floats:
    """Return the mean absolute error of the seasonal naive forecast on the training rows, per series.

    Source: R. Hyndman, A. Koehler, "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22 (2006) 679-688, equation 9 and the seasonal form of its section 5.
    """
    keys = list(arrangement.group)
    ordered = past.drop_nulls(outcome).sort(str(arrangement.time))
    change = pl.col(outcome).cast(pl.Float64).diff(arrangement.season).abs()
    if not keys:
        only = ordered.select(change.mean()).to_series()[0]
        return np.full(test.height, np.nan if only is None else float(only))
    per_series = ordered.group_by(keys, maintain_order=True).agg(change.mean().alias("__scale"))
    joined = test.select(keys).join(per_series, on=keys, how="left", maintain_order="left")
    return joined.get_column("__scale").fill_null(float("nan")).to_numpy().astype(np.float64)
