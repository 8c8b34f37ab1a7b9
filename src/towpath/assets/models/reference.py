"""What a model was trained and tested on, small enough to keep and compare live traffic with.

A reference holds no rows and no extremes: per column the counts of the training rows on fixed bins,
per block of training time the same counts, folded (so that a monitor knows how much a quiet day
wobbles), how columns go together, and per day of the test the mean of each loss (so that it knows what
quality was promised).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from towpath.assets.models.blocks import Blocks
from towpath.assets.models.columns import ColumnReference, as_floats, count_column
from towpath.assets.models.dependence import Dependence, learn_dependence
from towpath.assets.models.expectation import Expectation, learn_expectation
from towpath.assets.models.losses import LOSSES
from towpath.assets.models.outlyingness import Outlyingness, learn_outlyingness
from towpath.assets.models.stored_reference import Document, load_columns, load_dependence, store
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Task

Ints: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"

PREDICTION = "prediction"
"""The name under which the model's own output is watched beside its inputs."""

FORMAT = 2


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """What monitors compare a model's live traffic with.

    Attributes:
        columns: The model's inputs and, last, its `prediction` where scores were given.
        losses: Each loss that fits the task, where outcomes were given.
        rows: Training rows that were counted.
        days: Whether blocks are spans of event time.
        dependence: How the inputs go together; None where fewer than two vary.
        expectation: What its losses are expected to be, row by row, where test rows were given.
        outlyingness: How strange a whole row is, where there were enough training rows to tell.
    """

    columns: tuple[ColumnReference, ...]
    losses: tuple[LossReference, ...] = ()
    rows: int
    days: bool
    dependence: Dependence | None = None
    expectation: Expectation | None = None
    outlyingness: Outlyingness | None = None

    def column(self, name: str) -> ColumnReference | None:
        """Return the reference of a column, or None."""
        return next((one for one in self.columns if one.name == name), None)

    def loss(self, name: str) -> LossReference | None:
        """Return the reference of a loss, or None."""
        return next((one for one in self.losses if one.name == name), None)

    def encode(self) -> bytes:
        """Return what `decode` reads: canonical JSON, compressed. Some 20 kB per column."""
        document = store(
            FORMAT,
            self.columns,
            losses=self.losses,
            rows=self.rows,
            days=self.days,
            dependence=self.dependence,
            expectation=self.expectation,
            outlyingness=self.outlyingness,
        )
        return zlib.compress(canonical_json(document), 6)

    @classmethod
    def decode(cls, data: bytes) -> Reference:
        """Read what `encode` wrote.

        Raises:
            IntegrityError: The bytes are not a reference, or of a format this program doesn't know.
        """
        try:
            document = msgspec.json.decode(zlib.decompress(data), type=Document)
            losses = msgspec.convert(document.losses, tuple[LossReference, ...])
        except (msgspec.DecodeError, UnicodeDecodeError, zlib.error) as error:
            raise IntegrityError(
                f"a model's drift reference does not parse: {error}",
                remedy="One that an older Towpath wrote is made anew by the next training.",
            ) from error
        if document.format != FORMAT:
            raise IntegrityError(
                f"a model's drift reference has format {document.format}",
                remedy="A newer Towpath wrote it; read it with that.",
            )
        return cls(
            columns=load_columns(document),
            losses=losses,
            rows=document.rows,
            days=document.days,
            dependence=load_dependence(document),
            expectation=document.expectation,
            outlyingness=document.outlyingness,
        )


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
    blocks = Blocks.of(len(frame), times)
    counted = [count_column(frame.get_column(name), blocks) for name in columns]
    dependence = learn_dependence(counted, frame, blocks)
    losses: tuple[LossReference, ...] = ()
    if scores is not None and len(scores):
        seen_at = scores.get_column("time") if "time" in scores.columns else None
        test_blocks = Blocks.of(len(scores), seen_at)
        counted.append(count_column(scores.get_column("score").alias(PREDICTION), test_blocks))
        losses = _losses(scores, _by_day(test_blocks), task)
    expectation = None
    if scores is not None and test is not None and "outcome" in scores.columns:
        score, outcome = (as_floats(scores.get_column(name)) for name in ("score", "outcome"))
        expectation = learn_expectation(
            counted, test, prediction=PREDICTION, score=score, outcome=outcome, task=task
        )
    ordered = frame if time is None else frame.sort(time)
    return Reference(
        columns=tuple(counted),
        losses=losses,
        rows=int((blocks.of_row >= 0).sum()),
        days=time is not None,
        dependence=dependence,
        expectation=expectation,
        outlyingness=learn_outlyingness(counted, ordered, prediction=PREDICTION),
    )


def _by_day(blocks: Blocks) -> Blocks:
    """Return the same rows in blocks of whole days: a loss needs labelled rows, and nights have few."""
    if not blocks.calendar.starts:
        return blocks
    days, of_block = np.unique(np.array(blocks.calendar.starts) // 24, return_inverse=True)
    of_row = np.where(blocks.of_row >= 0, of_block[blocks.of_row], -1)
    return Blocks(count=len(days), of_row=of_row, calendar=blocks.calendar)


def _losses(scores: pl.DataFrame, blocks: Blocks, task: Task) -> tuple[LossReference, ...]:
    if "outcome" not in scores.columns:
        return ()
    outcome, score = (as_floats(scores.get_column(name)) for name in ("outcome", "score"))
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


__all__ = ["PREDICTION", "ColumnReference", "LossReference", "Reference", "build_reference"]
