"""On-demand features as steps: keyed by the project's own code, checked for skew as they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl  # noqa: TC002 - step annotations are read at run time

from towpath.assets.features.skew import add_checked
from towpath.build.pipelines.authoring.options import StepOptions
from towpath.build.pipelines.authoring.steps import Step

if TYPE_CHECKING:
    from towpath.assets.features import OnDemand


def compute_step(transformation: OnDemand) -> Step[pl.DataFrame]:
    """Return the step that adds a transformation's columns to rows.

    It goes by the transformation's own module and name, so that its key is that of the code which
    serving will run, and a process finds it the way it finds the project's steps.
    """

    def compute(rows: pl.DataFrame) -> pl.DataFrame:
        return add_checked(transformation, rows)

    function = transformation.function
    compute.__module__ = function.__module__
    compute.__name__ = function.__name__
    compute.__qualname__ = function.__qualname__
    compute.__doc__ = function.__doc__
    return Step(compute, StepOptions())
