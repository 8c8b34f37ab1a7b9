"""What one family of estimators must offer, so that its models can be packaged and served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.inputs import Inputs

Form: TypeAlias = Literal["matrix", "frame"]
"""What an estimator is called with: `Inputs.matrix`, or a data frame with the columns as they are."""

Scale: TypeAlias = Literal["log-odds", "log", "probability", "value", "score"]
"""What the parts of an explained answer are counted in: they add up to the raw answer in these terms."""

Scorer: TypeAlias = "Callable[[Any], npt.NDArray[np.float64]]"
"""Answers rows in the estimator's form: `(n, k) float64`, or a frame, to `(n,) float64`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributions:
    """What a library of trees says of its own answers. Thread-safe.

    Attributes:
        of: From rows in the estimator's form to `(n, columns + 1) float64`: what each column adds, and
            last the base.
        raw: From the same rows to what these add up to, `(n,) float64`.
        scale: What both are counted in.
    """

    of: Scorer
    raw: Scorer
    scale: Scale


class Format(Protocol):
    """A way to keep estimators of one family as plain bytes that run no code when they are read."""

    @property
    def flavour(self) -> Flavour:
        """The name that packages carry."""
        ...

    @property
    def library(self) -> str:
        """The distribution that writes and reads the files; packages carry its version."""
        ...

    def claims(self, estimator: object) -> bool:
        """Tell whether the estimator belongs to this family, without importing its library."""
        ...

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Fit an estimator in the form that it will be served in, and return it.

        Args:
            estimator: It may be fitted in place.
            inputs: Taken from `features`.
            features: The rows; those of one group stand together.
            outcome: The truth; None for detectors, which learn without it.
            groups: For rankers: the group of each row, numbered from 0 in order.

        Raises:
            UsageError: The family's models are trained by their own means, and only kept here.
        """
        ...

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Return what a fitted estimator foretells: `asked` if it can be that, else its natural task.

        Raises:
            UsageError: It is not fitted, can't do what was asked, or must be told.
        """
        ...

    def form(self, estimator: Any) -> Form:
        """Return what the estimator must be called with."""
        ...

    def width(self, estimator: Any) -> int:
        """Return how many columns the estimator was fitted on."""
        ...

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Return the package's files by name: the same estimator gives the same bytes.

        Raises:
            UsageError: It holds something that the format can't keep safely; names it.
        """
        ...

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Return the estimator. Reading never runs code that the files name.

        Raises:
            IntegrityError: The files are not what `dump` wrote, or name a type that is not allowed.
        """
        ...

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Return the quickest thread-safe way to answer from the files."""
        ...
