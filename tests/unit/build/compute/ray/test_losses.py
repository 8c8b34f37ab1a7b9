"""What becomes of a task is told in our words, whatever Ray calls it."""

from __future__ import annotations

import pytest

from towpath.assets.code import environment_lock
from towpath.build.compute.ray.losses import differing, outcome_of, stranded


class WorkerCrashedError(Exception):
    """By the name of Ray's."""


class TaskUnschedulable(WorkerCrashedError):
    """A kind of it."""


@pytest.mark.parametrize("error", [WorkerCrashedError(), TaskUnschedulable(), None])
def test_a_lost_task_is_worth_another_try(error: Exception | None) -> None:
    outcome = outcome_of(error)

    assert (outcome.status, outcome.error_code) == ("killed", "unavailable")


def test_a_node_that_has_no_node_left_is_too() -> None:
    assert stranded("it asks for 4 cpus").error_code == "unavailable"


def test_a_node_that_can_not_run_it_is_a_failure_whose_words_are_kept_apart() -> None:
    outcome = outcome_of(ImportError("no module named 'towpath'"))

    assert (outcome.status, outcome.error_code) == ("failed", "")
    assert "towpath" not in outcome.error
    assert outcome.message == "no module named 'towpath'"


def test_another_environment_is_told_by_what_differs() -> None:
    here = environment_lock().decode()
    there = here.replace("polars==", "polars==0.")

    outcome = differing(there)

    assert (outcome.status, outcome.error_code) == ("failed", "invalid-setting")
    assert "polars==0." in outcome.message
    assert "numpy" not in outcome.message
