"""Which tasks an estimator can be asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.assets.models.contract import Task

VALUES: tuple[Task, ...] = ("regression", "forecast", "ranking")
"""What a model of a number can be asked for: the number, one to come, or an order by it."""

CHANCES: tuple[Task, ...] = ("binary", "ranking")
"""What a model of a probability can be asked for."""

SCORES: tuple[Task, ...] = ("binary", "regression", "forecast", "ranking", "anomaly")
"""What a graph or network that gives one number may mean by it: it has to be told."""


def agree(
    estimator: object, can: tuple[Task, ...], asked: Task | None, *, told: bool = False
) -> Task:
    """Return the task: `asked`, or the first of what the estimator can do.

    Args:
        estimator: For the message.
        can: Its tasks, the natural one first.
        asked: The task that the project wants of it.
        told: Whether it must be asked, because its own answer means nothing by itself.

    Raises:
        UsageError: It can't do what was asked, or was asked nothing and must be told.
    """
    name = type(estimator).__name__
    if asked is None and told:
        raise UsageError(
            f"a {name} does not say what its answer means",
            remedy=f"Say so: Model(…, task=…) with one of {', '.join(can)}.",
        )
    if asked is not None and asked not in can:
        raise UsageError(
            f"the {name} does {' or '.join(can)}, not {asked}",
            remedy="Ask for what it does, or train another.",
        )
    return asked or can[0]
