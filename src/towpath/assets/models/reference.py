"""What a model was trained and tested on, small enough to keep and compare live traffic with.

A reference holds no rows and no extremes: per column the counts of the training rows on fixed bins,
per day of training the same counts (so that a monitor knows how much a quiet day wobbles), and per
day of the test the mean of each loss (so that it knows what quality was promised).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np
import polars as pl

from towpath.assets.models.expectation import Expectation, learn_expectation
from towpath.assets.models.losses import LOSSES
from towpath.assets.models.outlyingness import Outlyingness, learn_outlyingness
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from towpath.assets.models.contract import Task

Ints: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"

PREDICTION = "prediction"
"""The name under which the model's own output is watched beside its inputs."""

_FORMAT = 1
_MAX_BINS = 32
_MIN_BIN_ROWS = 20  # fewer rows could point at single people
_MAX_BLOCKS = 60
_SLICES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReference:
    """The distribution of one column, on bins that never change.

    Attributes:
        name: The column, or `prediction`.
        kind: `number` bins on `edges`; `category` counts `levels`.
        edges: Ascending upper bounds, inclusive, of all number bins but the last, which is open.
        levels: The levels that have a bin of their own; every other value shares one.
        blocks: One row of counts per block, oldest first. A block is a day of event time, or an equal
            slice of the rows when there was no time column. The last bin counts missing values.
    """

    name: str
    kind: Literal["number", "category"]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    blocks: tuple[tuple[int, ...], ...]

    @property
    def bins(self) -> int:
        """The number of bins, those for other and for missing values included."""
        own = self.edges if self.kind == "number" else self.levels
        return len(own) + 2

    def count(self, values: pl.Series) -> Ints:
        """Count live values on the bins, in one pass; `(bins,) int64`, the last for missing ones."""
        return np.bincount(self.bin(values), minlength=self.bins)

    def matrix(self) -> Ints:
        """Return the counts as `(blocks, bins) int64`."""
        return np.array(self.blocks, dtype=np.int64).reshape(-1, self.bins)

    def bin(self, values: pl.Series) -> Ints:
        """Return the bin of each value, `(n,) int64`."""
        if self.kind == "number":
            return _bin_numbers(_as_floats(values), self.edges)
        text = _as_text(values)
        places = pl.Series(range(len(self.levels)), dtype=pl.Int64)
        binned = text.replace_strict(
            pl.Series(self.levels, dtype=pl.String),
            places,
            default=len(self.levels),
            return_dtype=pl.Int64,
        )
        return np.where(text.is_null().to_numpy(), self.bins - 1, binned.to_numpy())


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReference:
    """What one loss was on the test rows, block by block.

    Attributes:
        rows: Test rows of each block.
        means: The loss's mean over them.
        variances: Its variance over them (denominator n).
    """

    name: str
    rows: tuple[int, ...]
    means: tuple[float, ...]
    variances: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The loss over all test rows."""
        return float(np.average(self.means, weights=self.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What monitors compare a model's live traffic with.

    Attributes:
        columns: The model's inputs and, last, its `prediction` where scores were given.
        losses: Each loss that fits the task, where outcomes were given.
        rows: Training rows that were counted: those of the newest sixty days at most.
        days: Whether blocks are days of event time.
        expectation: What its losses are expected to be, row by row, where test rows were given.
        outlyingness: How strange a whole row is, where there were enough training rows to tell.
    """

    format: int = _FORMAT
    columns: tuple[ColumnReference, ...]
    losses: tuple[LossReference, ...] = ()
    rows: int
    days: bool
    expectation: Expectation | None = None
    outlyingness: Outlyingness | None = None

    def column(self, name: str) -> ColumnReference | None:
        """Return the reference of a column, or None."""
        return next((one for one in self.columns if one.name == name), None)

    def loss(self, name: str) -> LossReference | None:
        """Return the reference of a loss, or None."""
        return next((one for one in self.losses if one.name == name), None)

    def encode(self) -> bytes:
        """Return the canonical JSON that `decode` reads."""
        return canonical_json(self)

    @classmethod
    def decode(cls, data: bytes) -> Reference:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: The bytes are not a reference, or of a format this program doesn't know.
        """
        try:
            reference = msgspec.json.decode(data, type=Reference)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise IntegrityError(f"a model's drift reference does not parse: {error}") from error
        if reference.format != _FORMAT:
            raise IntegrityError(
                f"a model's drift reference has format {reference.format}",
                remedy="A newer Towpath wrote it; read it with that.",
            )
        return reference


def build_reference(
    frame: pl.DataFrame,
    *,
    columns: Sequence[str],
    time: str | None = None,
    scores: pl.DataFrame | None = None,
    test: pl.DataFrame | None = None,
    task: Task = "binary",
) -> Reference:
    """Count the training rows and, if given, the scored test rows.

    Args:
        frame: Training rows. Other columns than `columns` and `time` are not looked at.
        columns: The model's inputs, in the signature's order.
        time: The column of `frame` with event time (`datetime[us, UTC]`), if it has one.
        scores: Test rows as columns `score` and, where known, `outcome` (number; 0 or 1 for a binary
            task) and `time` (event time).
        test: The scored test rows themselves, in the same order, with the model's inputs: without
            them, nothing can be said of losses before labels arrive.
        task: Decides which losses are kept.
    """
    times = None if time is None else frame.get_column(time)
    blocks = _Blocks(len(frame), times)
    counted = [_count_column(frame.get_column(name), name, blocks) for name in columns]
    losses: tuple[LossReference, ...] = ()
    if scores is not None and len(scores):
        seen_at = scores.get_column("time") if "time" in scores.columns else None
        test_blocks = _Blocks(len(scores), seen_at)
        counted.append(_count_column(scores.get_column("score"), PREDICTION, test_blocks))
        losses = _losses(scores, test_blocks, task)
    expectation = None
    if scores is not None and test is not None and "outcome" in scores.columns:
        score, outcome = (_as_floats(scores.get_column(name)) for name in ("score", "outcome"))
        expectation = learn_expectation(
            counted, test, prediction=PREDICTION, score=score, outcome=outcome, task=task
        )
    ordered = frame if time is None else frame.sort(time)
    return Reference(
        columns=tuple(counted),
        losses=losses,
        rows=int((blocks.of_row >= 0).sum()),
        days=time is not None,
        expectation=expectation,
        outlyingness=learn_outlyingness(counted, ordered, prediction=PREDICTION),
    )


class _Blocks:
    """Puts each row into a block: its day, or an equal slice when there is no time.

    Days with less than half the median day's rows (cut off by a split, or an outage) are left out,
    because their noise would pass for wobble; so are days older than the newest sixty.
    """

    def __init__(self, rows: int, times: pl.Series | None) -> None:
        if times is None:
            self.count = max(1, min(_SLICES, rows // _MIN_BIN_ROWS))
            self.of_row: Ints = np.arange(rows, dtype=np.int64) * self.count // max(rows, 1)
            return
        days = times.dt.truncate("1d").to_physical()
        known = days.drop_nulls()
        found, sizes = np.unique(known.to_numpy(), return_counts=True)
        whole = found[sizes * 2 >= np.median(sizes)] if len(found) else found
        kept = whole[-_MAX_BLOCKS:]
        self.count = len(kept)
        self.of_row = np.full(rows, -1, dtype=np.int64)
        if self.count:
            values = days.fill_null(-1).to_numpy()
            place = np.minimum(np.searchsorted(kept, values), self.count - 1)
            self.of_row = np.where(kept[place] == values, place, -1)


def _count_column(values: pl.Series, name: str, blocks: _Blocks) -> ColumnReference:
    used = blocks.of_row >= 0
    kept = values.filter(pl.Series(used))
    if values.dtype.is_numeric() or values.dtype.is_temporal() or values.dtype == pl.Null:
        empty = ColumnReference(name=name, kind="number", edges=_edges(kept), blocks=())
    else:
        empty = ColumnReference(name=name, kind="category", levels=_levels(kept), blocks=())
    cell = blocks.of_row[used] * empty.bins + empty.bin(kept)
    counts = np.bincount(cell, minlength=blocks.count * empty.bins)
    return ColumnReference(
        name=name,
        kind=empty.kind,
        edges=empty.edges,
        levels=empty.levels,
        blocks=tuple(map(tuple, counts.reshape(blocks.count, empty.bins).tolist())),
    )


def _edges(values: pl.Series) -> tuple[float, ...]:
    """Return the inner quantiles that split the values into bins of twenty rows or more."""
    floats = _as_floats(values)
    known = floats[np.isfinite(floats)]
    bins = min(_MAX_BINS, len(known) // _MIN_BIN_ROWS)
    if bins < 2:
        return ()
    inner = np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf")
    return tuple(np.unique(inner).tolist())


def _levels(values: pl.Series) -> tuple[str, ...]:
    """Return the most frequent levels, of those that at least twenty rows share."""
    counts = _as_text(values).drop_nulls().rename("level").value_counts(name="rows")
    frequent = counts.filter(pl.col("rows") >= _MIN_BIN_ROWS)
    ordered = frequent.sort(["rows", "level"], descending=[True, False])
    return tuple(ordered.get_column("level").head(_MAX_BINS).to_list())


def _losses(scores: pl.DataFrame, blocks: _Blocks, task: Task) -> tuple[LossReference, ...]:
    if "outcome" not in scores.columns:
        return ()
    outcome, score = (_as_floats(scores.get_column(name)) for name in ("outcome", "score"))
    usable = (blocks.of_row >= 0) & ~np.isnan(outcome) & ~np.isnan(score)
    block = blocks.of_row[usable]
    rows = np.bincount(block, minlength=blocks.count)
    some = rows > 0
    found: list[LossReference] = []
    for name, loss in LOSSES[task].items():
        values = loss(outcome[usable], score[usable])
        means = np.bincount(block, values, minlength=blocks.count)[some] / rows[some]
        squares = np.bincount(block, np.square(values), minlength=blocks.count)[some] / rows[some]
        found.append(
            LossReference(
                name=name,
                rows=tuple(rows[some].tolist()),
                means=tuple(means.tolist()),
                variances=tuple(np.maximum(squares - np.square(means), 0.0).tolist()),
            )
        )
    return tuple(found) if some.any() else ()


def _bin_numbers(values: Floats, edges: Sequence[float]) -> Ints:
    """Return the bin of each value: as many edges as lie below it, and one more if it is missing."""
    place = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left")
    return np.where(np.isnan(values), len(edges) + 1, place).astype(np.int64)


def _as_floats(values: pl.Series) -> Floats:
    """Return the values as `(n,) float64`, with NaN for what is missing."""
    physical = values.to_physical() if values.dtype.is_temporal() else values
    return physical.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _as_text(values: pl.Series) -> pl.Series:
    return values.cast(pl.String, strict=False)


__all__ = ["PREDICTION", "ColumnReference", "LossReference", "Reference", "build_reference"]
