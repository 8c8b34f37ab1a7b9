"""What a training step returns: a fitted estimator together with what is needed to serve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from towpath.assets.models.contract import Signature, TensorSpec
from towpath.assets.models.flavours import format_of, recognise
from towpath.assets.models.inputs import Inputs
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours import Form


class Model:
    """A fitted estimator, the columns it takes and what it foretells.

    Args:
        estimator: A LightGBM `Booster`, `LGBMClassifier` or `LGBMRegressor`, or a fitted scikit-learn
            estimator. One that was fitted on a data frame (it has `feature_names_in_`) is served data
            frames with the text as text; every other is served `inputs.matrix`.
        inputs: The training features, or the `Inputs` taken from them. Types, category levels and
            where values may be missing come from here.
        outcome: The column that holds the truth, in the test table and in the labels that come back.
        task: `binary` (the answer is the probability that the outcome is 1) or `regression`. Taken
            from the estimator when None.
        output: Name of the answer; the outcome's name when None.

    Raises:
        UsageError: The estimator is of a kind Towpath can't keep safely, is not fitted, takes another
            number of columns than `inputs` has, or doesn't do `task`.
    """

    __slots__ = ("estimator", "flavour", "form", "inputs", "outcome", "output", "task")

    def __init__(
        self,
        estimator: Any,
        *,
        inputs: pl.DataFrame | Inputs,
        outcome: str,
        task: Task | None = None,
        output: str | None = None,
    ) -> None:
        self.inputs = inputs if isinstance(inputs, Inputs) else Inputs.of(inputs)
        known, form, found = recognise(estimator, task, len(self.inputs.columns))
        self.flavour: Flavour = known.flavour
        self.form: Form = form
        self.task: Task = found
        self.estimator = estimator
        self.outcome = outcome
        self.output = output or outcome
        if self.outcome in self.inputs.names:
            raise UsageError(
                f"the outcome {outcome!r} is among the model's inputs",
                remedy="A model that is told the answer foretells nothing; drop the column.",
            )

    @classmethod
    def fit(
        cls,
        estimator: Any,
        features: pl.DataFrame,
        outcome: pl.Series,
        *,
        task: Task | None = None,
        output: str | None = None,
        nullable: Iterable[str] = (),
    ) -> Self:
        """Fit an estimator and describe it, in one go: the usual last line of a training step.

        Text columns become category codes here and in serving by the same table. A scikit-learn
        `Pipeline` is fitted on the frame itself, since it picks its columns by name.

        Args:
            estimator: An unfitted LightGBM or scikit-learn estimator. It is fitted in place.
            features: The training features and nothing else.
            outcome: The truth, row by row; its name becomes the outcome's.
            task: See `Model`.
            output: See `Model`.
            nullable: See `Inputs.of`.

        Raises:
            UsageError: As `Model`; or the two differ in length, or the outcome has missing values.
        """
        if len(outcome) != len(features) or outcome.null_count():
            raise UsageError(
                f"the outcome {outcome.name!r} has {len(outcome)} values, {outcome.null_count()} of "
                f"them missing, for {len(features)} rows",
                remedy="Drop the rows without an outcome before fitting.",
            )
        inputs = Inputs.of(features, nullable=nullable)
        fitted = format_of(estimator).fit(estimator, inputs, features, outcome.to_numpy())
        return cls(fitted, inputs=inputs, outcome=outcome.name, task=task, output=output)

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
