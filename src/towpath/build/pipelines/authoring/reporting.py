"""What a step says about itself while it runs: metrics and parameters of its run."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from towpath.core.clock import to_micros
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    Emit = Callable[[dict[str, Any]], None]

PROGRESS = "progress"
"""The metric that `report` records."""

_PARAM_CHARS = 6_000
_run: ContextVar[str | None] = ContextVar("towpath_run", default=None)
_listener: ContextVar[Emit | None] = ContextVar("towpath_step_listener", default=None)


def log_metric(key: str, value: float, *, step: int = 0) -> None:
    """Record one point of a metric on the step's run, seen live. Does nothing outside of a run.

    Args:
        key: The metric's name.
        value: NaN and infinities are kept.
        step: Which point it is: an epoch, a tree, a fold.
    """
    log_metrics({key: value}, step=step)


def log_metrics(values: Mapping[str, float], *, step: int = 0) -> None:
    """Record one point of several metrics."""
    emit = _listener.get()
    if emit is None:
        return
    at = to_micros(datetime.now(UTC))
    points = [[key, _number(key, value), step, at] for key, value in values.items()]
    emit({"metrics": points})


def report(step: int, value: float) -> None:
    """Tell how good this trial is by now, in the units of what the search is after.

    A search with `prune=` compares it with what others said at the same step, and stops the trial
    where it can't win any more: its process is killed, so nothing after the call has to be undone.
    Outside of a search, and without pruning, it is recorded as the metric `progress`.

    Args:
        step: How far it is, from 0 up, in steps that all trials share: an epoch, trees, a fold.
        value: For instance the validation score. NaN is recorded and never stops a trial.
    """
    log_metric(PROGRESS, value, step=step)


def log_param(key: str, value: object) -> None:
    """Record a parameter that the step chose itself. Does nothing outside of a run."""
    emit = _listener.get()
    if emit is not None:
        emit({"param": [key, str(value)[:_PARAM_CHARS]]})


@contextmanager
def listening(emit: Emit) -> Generator[None]:
    """Send what is logged inside the block to `emit`."""
    token = _listener.set(emit)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def within_run(run_id: str) -> Generator[None]:
    """Let what happens inside the block be known as part of a run."""
    token = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(token)


def current_run() -> str | None:
    """Return the pipeline's run whose step is executed here; None outside of a step."""
    return _run.get()


def _number(key: str, value: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"metric {key!r} is not a number", remedy="Log floats.") from error
