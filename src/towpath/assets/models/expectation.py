"""What a model's losses are expected to be, row by row, learned from its test: for days without labels.

Two things are kept, both as sums over twenty test rows or more. A *calibration* says how often the
outcome was positive where the model said so much; with it the quality of a binary model can be
estimated from its answers alone (CBPE). For each loss a small regression tree over the inputs' groups and
the prediction's says how large the loss was for rows like these (direct loss estimation, DLE). Both
hold only while rows like these turn out as they did in the test: under covariate shift.

Sources: "confidence-based performance estimation" and "direct loss estimation" as NannyML defines them;
Guillory et al., "Predicting with confidence on unseen distributions" (ICCV 2021). A tree's shape comes
from one half of the test rows and its leaves' means from the other, so that they are not flattered by
the choice of splits (honest trees: Athey and Imbens, PNAS 113 (2016) 7353-7360).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.models.losses import LOSSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from towpath.assets.models.columns import ColumnReference
    from towpath.assets.models.contract import Task

Ints: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"

_MIN_ROWS = 20  # fewer rows could point at single people
_MOST_BINS = 50
_MOST_LEAVES = 32
_LEAST_TEST_ROWS = 4 * _MIN_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How often the outcome was positive, by what the model said.

    Attributes:
        edges: Ascending upper bounds, inclusive, of all bins of scores but the last, which is open.
        rows: Test rows of each bin, twenty or more.
        positives: Those of them whose outcome was positive.
        scores: The sum of their scores.
    """

    edges: tuple[float, ...]
    rows: tuple[int, ...]
    positives: tuple[int, ...]
    scores: tuple[float, ...]

    def bin(self, scores: Floats) -> Ints:
        """Return the bin of each score, `(n,) int64`."""
        return np.searchsorted(np.asarray(self.edges, dtype=np.float64), scores, side="left")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTree:
    """One loss, by where a row's inputs and prediction lie among the reference's bins.

    Node 0 is the root; a node with `column` −1 is a leaf. A row goes `left` where the bin of its column
    is at most `at`.

    Attributes:
        name: The loss.
        columns: The reference's columns that are asked about, by place.
        column: Each node's place in `columns`, or −1.
        rows: Test rows at each leaf, 0 at other nodes; `sums` and `squares` of their losses.
    """

    name: str
    columns: tuple[str, ...]
    column: tuple[int, ...]
    at: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    rows: tuple[int, ...]
    sums: tuple[float, ...]
    squares: tuple[float, ...]

    def leaves(self, bins: Mapping[str, Ints]) -> Ints:
        """Return the leaf that each row ends at, `(n,) int64`, from the bins of its columns."""
        table = np.column_stack([bins[name] for name in self.columns])
        column, at = np.array(self.column), np.array(self.at)
        left, right = np.array(self.left), np.array(self.right)
        node = np.zeros(len(table), dtype=np.int64)
        while True:
            going = np.flatnonzero(column[node] >= 0)
            if not going.size:
                return node
            here = node[going]
            low = table[going, column[here]] <= at[here]
            node[going] = np.where(low, left[here], right[here])

    def means(self) -> Floats:
        """Return the mean loss at each node; NaN but at leaves."""
        rows = np.array(self.rows, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return np.array(self.sums) / rows

    def variances(self) -> Floats:
        """Return the variance of the losses at each node; NaN but at leaves."""
        rows = np.array(self.rows, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return np.maximum(np.array(self.squares) / rows - np.square(self.means()), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a model's test says about its losses on rows whose outcome nobody knows yet.

    Attributes:
        calibration: Of a binary model.
        losses: One tree per loss of the task.
    """

    calibration: Calibration | None = None
    losses: tuple[LossTree, ...] = ()

    def loss(self, name: str) -> LossTree | None:
        """Return the tree of a loss, or None."""
        return next((one for one in self.losses if one.name == name), None)


def learn_expectation(
    columns: Sequence[ColumnReference],
    frame: pl.DataFrame,
    *,
    prediction: str,
    score: Floats,
    outcome: Floats,
    task: Task,
) -> Expectation | None:
    """Learn from scored test rows; None where they are too few.

    Args:
        columns: The reference's columns, the prediction's among them.
        frame: The test rows with the model's inputs.
        prediction: Name of the prediction's column.
        score: The model's answers, `(n,) float64`.
        outcome: What happened, likewise.
        task: Decides which losses are learned.
    """
    known = np.isfinite(score) & np.isfinite(outcome)
    if int(known.sum()) < _LEAST_TEST_ROWS or not LOSSES[task]:
        return None
    table = frame.filter(pl.Series(known))
    score, outcome = score[known], outcome[known]
    bins = bins_of(columns, {name: table[name] for name in table.columns}, prediction, score)
    trees = (_grow(name, bins, loss(outcome, score)) for name, loss in sorted(LOSSES[task].items()))
    calibration = _calibrate(score, outcome) if task == "binary" else None
    return Expectation(calibration=calibration, losses=tuple(trees))


def bins_of(
    columns: Sequence[ColumnReference],
    values: Mapping[str, pl.Series],
    prediction: str,
    score: Floats,
) -> dict[str, Ints]:
    """Return each column's bins of some rows, by the column's name.

    Args:
        columns: The reference's.
        values: The rows' inputs by name; a column that is not among them is left out.
        prediction: Name of the prediction's column.
        score: The rows' answers.
    """
    found: dict[str, Ints] = {}
    for one in columns:
        if one.name == prediction:
            found[one.name] = one.group_of(pl.Series(score))
        elif one.name in values:
            found[one.name] = one.group_of(values[one.name])
    return found


def _calibrate(score: Floats, outcome: Floats) -> Calibration:
    count = max(1, min(_MOST_BINS, len(score) // (2 * _MIN_ROWS)))
    inner = np.quantile(score, np.arange(1, count) / count, method="inverted_cdf")
    edges = np.unique(inner[inner < score.max()])
    bins = np.searchsorted(edges, score, side="left")
    rows = np.bincount(bins, minlength=len(edges) + 1)
    return Calibration(
        edges=tuple(edges.tolist()),
        rows=tuple(rows.tolist()),
        positives=tuple(np.bincount(bins[outcome > 0.5], minlength=len(rows)).tolist()),
        scores=tuple(np.bincount(bins, score, minlength=len(rows)).tolist()),
    )


def _grow(name: str, bins: Mapping[str, Ints], losses: Floats) -> LossTree:
    """Fit a tree's shape on every other row, and its leaves' sums on the rest.

    With fewer splits where a leaf would have too few of the rest; the root alone always has enough.
    """
    from sklearn.tree import DecisionTreeRegressor  # noqa: PLC0415 - a gateway never needs it

    table = np.column_stack(list(bins.values()))
    leaves = _MOST_LEAVES
    while True:
        fitter = DecisionTreeRegressor(
            max_leaf_nodes=leaves, min_samples_leaf=2 * _MIN_ROWS, random_state=0
        )
        grown: Any = fitter.fit(table[::2], losses[::2]).tree_
        shape = LossTree(
            name=name,
            columns=tuple(bins),
            column=tuple(np.where(grown.children_left < 0, -1, grown.feature).tolist()),
            at=tuple(np.floor(grown.threshold).astype(np.int64).tolist()),
            left=tuple(grown.children_left.tolist()),
            right=tuple(grown.children_right.tolist()),
            rows=(),
            sums=(),
            squares=(),
        )
        rest, leaf = losses[1::2], shape.leaves({key: one[1::2] for key, one in bins.items()})
        rows = np.bincount(leaf, minlength=grown.node_count)
        if rows[grown.children_left < 0].min() >= _MIN_ROWS or leaves <= 2:
            return replace(
                shape,
                rows=tuple(rows.tolist()),
                sums=tuple(np.bincount(leaf, rest, minlength=grown.node_count).tolist()),
                squares=tuple(
                    np.bincount(leaf, np.square(rest), minlength=grown.node_count).tolist()
                ),
            )
        leaves //= 2


__all__ = ["Calibration", "Expectation", "LossTree", "bins_of", "learn_expectation"]
