"""A retraining that its project's budget does not pay for: the cap holds, and the deadline says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

SUBJECT = "N14228"
DAY_S = 86_400
WHY = "the budget of project flights is spent"


def waiting(home, erasure_id: str, *, for_s: float) -> None:
    """Do what the reconciler of runs does with one that no budget pays for before its next period."""
    found = home.work(
        erasure_id,
        until=lambda one: one.phase == "retraining",
        only=("erasure",),
    )
    assert found.waits_for == ""
    with home.ledger.write() as tx:
        held = tx.intents.claim(["pipeline_run"], owner="worker", lease_s=60)
        assert held is not None
        tx.intents.advance(held, phase="waiting", status={"error": WHY}, due_in_s=for_s)
    home.work(erasure_id, until=lambda one: bool(one.waits_for), only=("erasure",))


@pytest.mark.parametrize(("days", "late"), [(3, False), (40, True)])
def test_the_cap_holds_and_the_wait_is_in_the_forecast(home, days: int, late: bool) -> None:
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    waiting(home, erasure_id, for_s=days * DAY_S)
    found = home.erasures.get(erasure_id)
    assert (found.phase, found.waits_for) == ("retraining", WHY)
    now = datetime.now(UTC)
    expected = found.forecast(now)
    assert expected is not None
    assert (
        timedelta(days=days) - timedelta(hours=1) < expected - now <= timedelta(days=days, hours=1)
    )
    assert found.is_late(now) is late
    assert home.trained == []
    # What concerns the person does not wait.
    assert home.datasets.holds("flights", SUBJECT) == []


def test_a_cap_that_is_raised_lets_it_go_on(home) -> None:
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    waiting(home, erasure_id, for_s=40 * DAY_S)
    with home.ledger.write() as tx:
        (run,) = tx.intents.list("pipeline_run")
        tx.intents.wake("pipeline_run", run.name)
    found = home.work(erasure_id)
    assert (found.phase, found.reason) == ("certified", "")
    assert (found.waits_for, found.waits_until) == ("", None)
    assert len(home.trained) == 1


def test_a_retraining_that_somebody_cancelled_blocks_and_is_asked_for_again(home) -> None:
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: one.phase == "retraining", only=("erasure",))
    with home.ledger.write() as tx:
        held = tx.intents.claim(["pipeline_run"], owner="worker", lease_s=60)
        assert held is not None
        tx.intents.advance(held, phase="cancelled", status={})
    found = home.work(erasure_id, only=("erasure",))
    assert found.phase == "blocked"
    assert "somebody cancelled" in found.reason
    home.erasures.retry(erasure_id)
    found = home.work(erasure_id, until=lambda one: one.done)
    assert found.phase == "certified"
