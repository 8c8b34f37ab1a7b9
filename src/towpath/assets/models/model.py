"""What a training step returns: a fitted estimator together with what is needed to serve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from towpath.assets.models.contract import Arrangement, Signature, TensorSpec
from towpath.assets.models.flavours import format_of, recognise
from towpath.assets.models.inputs import Inputs
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours import Form


class Model:
    """A fitted estimator, the columns it takes and what it foretells.

    Args:
        estimator: What was trained: an estimator of scikit-learn, LightGBM, XGBoost or CatBoost, an
            ONNX `ModelProto`, a PyTorch or Keras module, a `Forecast` or a `Factors`. See
            docs/guides/models.md for how each is kept and what it is called with.
        inputs: The training features, or the `Inputs` taken from them. Types, category levels and
            where values may be missing come from here.
        outcome: The column that holds the truth, in the test table and in the labels that come back.
        task: `binary` (the answer is the probability that the outcome is 1), `regression`,
            `ranking`, `forecast` or `anomaly`. Taken from the estimator when None, where it says.
        output: Name of the answer; the outcome's name when None.
        group: Columns of the test table whose equal values belong together; see `Arrangement`.
        time: The column that orders a forecast's rows; see `Arrangement`.
        season: Periods in a forecast's season; see `Arrangement`.

    Raises:
        UsageError: The estimator is of a kind Towpath can't keep safely, is not fitted, takes another
            number of columns than `inputs` has, or doesn't do `task`; or the task needs a group or a
            time that is not given.
    """

    __slots__ = (
        "arrangement", "estimator", "flavour", "form", "inputs", "outcome", "output", "task",
    )  # fmt: skip

    def __init__(
        self,
        estimator: Any,
        *,
        inputs: pl.DataFrame | Inputs,
        outcome: str,
        task: Task | None = None,
        output: str | None = None,
        group: str | Sequence[str] = (),
        time: str | None = None,
        season: int = 1,
    ) -> None:
        self.inputs = inputs if isinstance(inputs, Inputs) else Inputs.of(inputs)
        known, form, found = recognise(estimator, task, len(self.inputs.columns))
        self.flavour: Flavour = known.flavour
        self.form: Form = form
        self.task: Task = found
        self.estimator = estimator
        self.outcome = outcome
        self.output = output or outcome
        columns = (group,) if isinstance(group, str) else tuple(group)
        self.arrangement = Arrangement(group=columns, time=time, season=season)
        if self.outcome in self.inputs.names:
            raise UsageError(
                f"the outcome {outcome!r} is among the model's inputs",
                remedy="A model that is told the answer foretells nothing; drop the column.",
            )
        _check_arrangement(self.task, self.arrangement)

    @classmethod
    def fit(
        cls,
        estimator: Any,
        features: pl.DataFrame,
        outcome: pl.Series | str,
        *,
        task: Task | None = None,
        output: str | None = None,
        nullable: Iterable[str] = (),
        group: pl.Series | None = None,
        time: str | None = None,
        season: int = 1,
    ) -> Self:
        """Fit an estimator and describe it, in one go: the usual last line of a training step.

        Text columns become category codes here and in serving by the same table. A scikit-learn
        `Pipeline` is fitted on the frame itself, since it picks its columns by name.

        Args:
            estimator: An unfitted estimator of scikit-learn, LightGBM, XGBoost or CatBoost, or a
                `Factors`. It is fitted in place.
            features: The training features and nothing else.
            outcome: The truth, row by row; its name becomes the outcome's. For a detector, which
                learns without it, the name alone of the column that test rows have.
            task: See `Model`.
            output: See `Model`.
            nullable: See `Inputs.of`.
            group: For a ranking: which list each row belongs to; its name becomes the group's.
            time: See `Model`.
            season: See `Model`.

        Raises:
            UsageError: As `Model`; or the columns differ in length, or the outcome has missing values,
                or models of this kind are trained by their own means.
        """
        inputs = Inputs.of(features, nullable=nullable)
        known = format_of(estimator)
        named = outcome if isinstance(outcome, str) else outcome.name
        if isinstance(outcome, str):
            fitted = known.fit(estimator, inputs, features, None, None)
        else:
            _check_lengths(features, outcome, group)
            codes = None
            if group is not None:  # rankers want the rows of a group to stand together
                ranks = group.rank("dense").to_numpy().astype(np.int64) - 1
                order = np.argsort(ranks, kind="stable")
                features, outcome, codes = features[order], outcome[order], ranks[order]
            fitted = known.fit(estimator, inputs, features, outcome.to_numpy(), codes)
        return cls(
            fitted,
            inputs=inputs,
            outcome=named,
            task=task,
            output=output,
            group=() if group is None else group.name,
            time=time,
            season=season,
        )

    def predict(self, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Answer the rows of a table as the served model will, `(n,) float64`.

        For training steps that go on with a model: one that fine-tunes it, stacks it, looks at it.
        It packages the model in memory and scores with what came out, so it costs a dump and a load.

        Raises:
            UsageError: The table lacks one of the model's columns.
        """
        from towpath.assets.models.flavours import FORMATS  # noqa: PLC0415 - only this needs it

        known = FORMATS[self.flavour]
        scorer = known.scorer(known.dump(self.estimator), self.task, threads=1)
        taken = self.inputs.matrix(rows) if self.form == "matrix" else self.inputs.frame(rows)
        return scorer(taken) if len(taken) else np.empty(0, dtype=np.float64)

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return Signature(
            inputs=self.inputs.columns, outputs=(TensorSpec(name=self.output, datatype="FP64"),)
        )

    def __repr__(self) -> str:
        return (
            f"Model({type(self.estimator).__name__}, inputs={len(self.inputs.columns)} columns, "
            f"outcome={self.outcome!r}, task={self.task!r})"
        )


def _check_lengths(features: pl.DataFrame, outcome: pl.Series, group: pl.Series | None) -> None:
    if len(outcome) != len(features) or outcome.null_count():
        raise UsageError(
            f"the outcome {outcome.name!r} has {len(outcome)} values, {outcome.null_count()} of "
            f"them missing, for {len(features)} rows",
            remedy="Drop the rows without an outcome before fitting.",
        )
    if group is not None and (len(group) != len(features) or group.null_count()):
        raise UsageError(
            f"the group {group.name!r} has {len(group)} values, {group.null_count()} of them "
            f"missing, for {len(features)} rows",
            remedy="Every row of a ranking belongs to one list.",
        )


def _check_arrangement(task: Task, arrangement: Arrangement) -> None:
    if task == "ranking" and not arrangement.group:
        raise UsageError(
            "a ranking does not say which rows are ranked against each other",
            remedy="Pass group=: the column of the query, the user or the session.",
        )
    if task == "forecast" and arrangement.time is None:
        raise UsageError(
            "a forecast does not say which column puts its rows in order",
            remedy="Pass time=: the column of the day, the hour or the period's number.",
        )
    if arrangement.season < 1:
        raise UsageError(
            f"a season can't have {arrangement.season} periods",
            remedy="Count them: 7 for days in a week; 1 for none.",
        )
