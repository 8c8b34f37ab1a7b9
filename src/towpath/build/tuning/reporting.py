"""What a trial says on its way, so that a search can give it up."""

from __future__ import annotations

from towpath.build.pipelines import log_metric

PROGRESS = "progress"


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
