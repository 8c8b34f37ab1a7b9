"""Permits on every ledger: what is granted, what waits and for what, what is never possible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from towpath.build.capacity import (
    ORGANISATION,
    Budget,
    Granted,
    NoPermits,
    Queue,
    Refused,
    Waits,
    open_permits,
    project_path,
    queue_path,
)
from towpath.build.capacity.pricing import change_prices
from towpath.core.errors import UsageError
from towpath.ledger import Balance

UNIT = 10_000_000  # a core for ten seconds


def test_a_permit_reserves_the_worst_case_and_settles_what_it_took(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=100))
    permits = office.runner()
    permit = take(permits, request_for("a", attempts_left=3))
    assert office.balance(project_path("flights")) == Balance(reserved=3 * UNIT)
    assert office.balance(ORGANISATION) == Balance(reserved=3 * UNIT)
    permits.settle(permit, over(2.5))
    assert office.balance(project_path("flights")) == Balance(spent=2_500_000)
    permits.settle(permit, over(9))
    assert office.balance(ORGANISATION) == Balance(spent=2_500_000)


def test_what_ended_makes_room_for_what_begins_in_the_same_turn(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=25, steps=2))
    permits = office.runner()
    first, second = take(permits, request_for("a")), take(permits, request_for("b"))
    with office.ledger.read() as tx:
        before = tx.events.size()
    answers = permits.ask(
        [request_for("c"), request_for("d"), request_for("e")],
        settled={first: over(1), second: over(2)},
    )
    assert [type(one) for one in answers] == [Granted, Granted, Waits]
    assert office.balance(project_path("flights")) == Balance(reserved=2 * UNIT, spent=3_000_000)
    with office.ledger.read() as tx:
        moved = tx.events.read(after=before - 1, types=["account.moved"])
    assert [len(one.payload["entries"]) for one in moved] == [4, 2], "two for all, not two for each"
    permits.ask([], settled={first: over(9), answers[0].id: over(1)})
    assert office.balance(ORGANISATION) == Balance(reserved=UNIT, spent=4_000_000)


def test_attempts_that_end_together_are_settled_each_by_its_own_outcome(
    office, request_for, take, over
):
    office.declare("flights", Budget(usd_per_month=200))
    permits = office.runner()
    retried = take(permits, request_for("a", attempts_left=3))
    stopped = take(permits, request_for("b", attempts_left=2))
    permits.ask(
        [],
        settled={
            retried: over(1, outcome="failed", attempts_left=2),
            stopped: over(2, outcome="preempted"),
        },
    )
    assert office.balance(ORGANISATION) == Balance(reserved=2 * UNIT, spent=3_000_000)
    with office.ledger.read() as tx:
        assert set(tx.line.find(["run-a/fit/2", "run-b/fit/2"])) == {"run-a/fit/2", "run-b/fit/2"}


def test_the_worst_case_counts_grace_memory_and_accelerators(office, request_for):
    with office.ledger.write() as tx:
        change_prices(tx, {"cpu": 3_600_000, "memory": 7_200_000, "gpu:A100": 36_000_000})
    office.declare("flights", Budget(usd_per_month=100))
    request = request_for(
        "a", cpus=2, gpus=0.5, gpu_kind="A100", memory_bytes=3 << 30, timeout_s=5.0, grace_s=2.5
    )
    (answer,) = office.runner().ask([request])
    # Seven and a half seconds of 2 × 1,000, 3 × 2,000 and half of 10,000 micro-units each.
    assert answer.reserved_micros == 7.5 * (2_000 + 6_000 + 5_000)


def test_an_accelerator_without_a_price_is_refused_by_name(office, request_for):
    office.declare("flights", Budget(usd_per_month=100))
    with pytest.raises(UsageError, match=r"no rate for accelerators of kind 'H300'.*gpu:H300"):
        office.runner().ask([request_for("a", gpus=1, gpu_kind="H300")])


def test_what_never_fits_is_refused_with_the_arithmetic(office, request_for):
    office.declare("flights", Budget(usd_per_month=25))
    (answer,) = office.runner().ask([request_for("a", attempts_left=3)])
    assert isinstance(answer, Refused)
    assert answer.error.exit_code == 4
    assert "can cost 30.00 USD (10.00 USD for 10 s of 1 cpus × 3 attempts)" in str(answer.error)
    assert "project 'flights' may spend 25.00 USD a month" in str(answer.error)
    assert office.balance(project_path("flights")) == Balance()


def test_what_fits_later_waits_and_names_the_blocker(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=25))
    first, second = office.runner("a"), office.runner("b")
    held = take(first, request_for("a", attempts_left=2))
    (answer,) = second.ask([request_for("b")])
    assert isinstance(answer, Waits)
    assert answer.resumes_at is None
    assert answer.blocker == (
        "project 'flights' may spend 25.00 USD a month: 0.00 USD spent, 20.00 USD reserved by fit of "
        "run run-a, 10.00 USD needed in the worst case"
    )
    assert second.ask([request_for("b")]) == [answer]
    first.settle(held, over(1))
    assert isinstance(second.ask([request_for("b")])[0], Granted)


def test_what_only_the_next_period_can_pay_for_says_when_that_is(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=15))
    permits = office.runner()
    permits.settle(take(permits, request_for("a")), over(8))
    (answer,) = permits.ask([request_for("b")])
    assert answer.resumes_at == datetime(2026, 4, 1, tzinfo=UTC)
    office.clock.advance_to(answer.resumes_at)
    assert isinstance(permits.ask([request_for("b")])[0], Granted)


def test_every_budget_above_has_its_say(office, request_for, take):
    office.declare(ORGANISATION, Budget(usd_per_day=25))
    office.declare("flights", Budget(usd_per_month=1000), [Queue("search", usd_per_week=15)])
    office.declare("loans", Budget())
    permits = office.runner()
    take(permits, request_for("a", queue="search"))
    (search,) = permits.ask([request_for("b", queue="search")])
    assert search.blocker.startswith(
        "queue 'search' of project 'flights' may spend 15.00 USD a week"
    )
    take(permits, request_for("c", project="loans"))
    (loans,) = permits.ask([request_for("d", project="loans")])
    assert loans.blocker.startswith("the organisation may spend 25.00 USD a day")
    assert office.balance(queue_path("flights", "search")) == Balance(reserved=UNIT)


def test_a_retry_has_its_money_already(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=20))
    permits, other = office.runner("a"), office.runner("b")
    permit = take(permits, request_for("a", attempts_left=2))
    other.ask([request_for("b")])
    permits.settle(permit, over(10, "failed", attempts_left=1))
    assert office.balance(project_path("flights")) == Balance(reserved=UNIT, spent=UNIT)
    assert isinstance(other.ask([request_for("b")])[0], Waits)
    again = take(permits, request_for("a", attempt=2, attempts_left=1))
    permits.settle(again, over(1))
    assert office.spent("flights") == UNIT + 1_000_000


def test_asking_twice_is_asking_once(office, request_for, take):
    office.declare("flights", Budget(usd_per_month=100))
    permits = office.runner()
    request = request_for("a")
    take(permits, request)
    take(permits, request)
    assert office.balance(project_path("flights")) == Balance(reserved=UNIT)


def test_prices_are_frozen_when_money_is_reserved(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=100))
    permits = office.runner()
    permit = take(permits, request_for("a"))
    with office.ledger.write() as tx:
        change_prices(tx, {"cpu": 36_000_000_000})
    permits.settle(permit, over(1))
    assert office.spent("flights") == 1_000_000
    permits.settle(take(permits, request_for("b", timeout_s=5.0)), over(1))
    assert office.spent("flights") == 11_000_000


def test_a_dead_runners_attempts_are_settled_by_who_asks_next(office, request_for, take):
    office.declare("flights", Budget(usd_per_month=10))
    take(office.runner("a"), request_for("a"))
    office.pass_time(4)
    office.dead.add("a")
    (answer,) = office.runner("b").ask([request_for("b", timeout_s=6.0)])
    assert isinstance(answer, Granted)
    assert office.balance(project_path("flights")) == Balance(reserved=6_000_000, spent=4_000_000)


def test_a_runner_that_vanished_elsewhere_is_settled_when_its_time_is_over(
    office, request_for, take
):
    office.declare("flights", Budget(usd_per_month=15))
    take(office.runner("a"), request_for("a"))
    waiting = request_for("b", timeout_s=5.0)
    office.pass_time(20)
    take(office.runner("b"), waiting)
    office.pass_time(120)
    assert isinstance(office.runner("c").ask([request_for("c")])[0], Waits)
    assert office.balance(project_path("flights")) == Balance(spent=UNIT + 5_000_000)


def slept(office, request_for, take):
    """Return a runner whose first of two attempts was settled in its stead, and money left for one."""
    office.declare("flights", Budget(usd_per_month=30))
    runner = office.runner("a")
    take(runner, request_for("a", attempts_left=2))
    office.pass_time(20_000)
    take(office.runner("b"), request_for("b"))
    assert isinstance(office.runner("c").ask([request_for("c")])[0], Waits)
    return runner


def test_a_runner_that_slept_finds_its_retrys_money(office, request_for, take, over):
    runner = slept(office, request_for, take)
    runner.settle("run-a/fit/1", over(3, "failed", attempts_left=1))
    take(runner, request_for("a", attempt=2, attempts_left=1))
    assert office.balance(project_path("flights")) == Balance(reserved=2 * UNIT, spent=UNIT)


def test_a_runner_that_slept_and_needs_no_retry_gives_its_money_back(
    office, request_for, take, over
):
    runner = slept(office, request_for, take)
    runner.settle("run-a/fit/1", over(3))
    take(office.runner("c"), request_for("c"))


def test_the_money_of_a_runner_that_never_wakes_is_free_after_an_hour(office, request_for, take):
    slept(office, request_for, take)
    office.pass_time(3_601)
    take(office.runner("d"), request_for("d"))


@pytest.mark.parametrize(("wide", "narrow"), [("y", "m"), ("m", "y")])
def test_who_came_at_the_same_moment_is_told_the_same_again(
    office, request_for, take, wide, narrow
):
    """The narrow one has a place, and would keep the wide one from its own: one of them was first."""
    office.declare("flights", Budget(usd_per_month=100, cpus=2))
    take(office.runner("a"), request_for("a"))
    (answer,) = office.runner("b").ask([request_for(wide, cpus=2)])
    assert isinstance(answer, Waits)
    late = request_for(narrow, timeout_s=30.0)
    told, again = (office.runner("c").ask([late])[0] for _ in range(2))
    assert type(told) is type(again)


def test_a_dead_runners_place_in_line_and_retry_money_are_free(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=20))
    gone = office.runner("a")
    gone.settle(take(gone, request_for("a", attempts_left=2)), over(1, "failed", attempts_left=1))
    gone.ask([request_for("z", attempts_left=2)])
    office.dead.add("a")
    take(office.runner("b"), request_for("b"))
    assert office.balance(project_path("flights")) == Balance(reserved=UNIT, spent=1_000_000)


def test_withdrawing_leaves_the_line_and_frees_what_was_passed_on(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=20))
    permits = office.runner()
    permits.settle(
        take(permits, request_for("a", attempts_left=2)), over(1, "failed", attempts_left=1)
    )
    permits.withdraw(["run-a/fit/2", "nobody/fit/1"])
    assert office.balance(project_path("flights")) == Balance(spent=1_000_000)


def test_more_than_was_reserved_is_put_down_apart(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=20))
    permits = office.runner()
    permits.settle(take(permits, request_for("a")), over(12))
    with office.ledger.read() as tx:
        amounts = {one.kind: one.micros for one in tx.account.entries(run="run-a")}
    assert amounts == {"reserve": UNIT, "settle": UNIT, "release": UNIT, "adjust": 2_000_000}


def test_steps_without_a_limit_get_one_and_are_held_to_it(office, request_for):
    office.declare(
        "flights",
        Budget(usd_per_month=1000, step_timeout="2m", step_memory="2 GiB"),
        [Queue("quick", step_timeout="30s")],
    )
    permits = office.runner()
    (plain,) = permits.ask([request_for("a", timeout_s=None)])
    (quick,) = permits.ask([request_for("b", timeout_s=None, queue="quick")])
    assert (plain.resources.timeout_s, plain.resources.memory_bytes) == (120, 2 << 30)
    assert (quick.resources.timeout_s, quick.resources.memory_bytes) == (30, 2 << 30)


def test_pipelines_stand_in_the_queue_that_names_them(office, request_for, take):
    office.declare("flights", None, [Queue("nightly", pipelines=["train"], priority=4)])
    take(office.runner(), request_for("a"))
    with office.ledger.read() as tx:
        (row,) = tx.line.granted()
    assert (row.queue, row.priority) == ("nightly", 4)
    with pytest.raises(UsageError, match=r"no queue 'nightyl'. Did you mean 'nightly'"):
        office.runner().ask([request_for("b", queue="nightyl")])


def test_a_project_without_a_budget_has_no_permits(office):
    office.declare("flights", Budget())
    settings = {"owner": "a", "is_dead": office.dead.__contains__}
    other = open_permits(office.ledger, office.clock, "loans", **settings)
    assert isinstance(other, NoPermits)
    assert not isinstance(
        open_permits(office.ledger, office.clock, "flights", **settings), NoPermits
    )


def test_a_new_cap_holds_for_what_was_already_spent(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=100))
    permits = office.runner()
    permits.settle(take(permits, request_for("a")), over(10))
    office.declare("flights", Budget(usd_per_week=15))
    assert isinstance(permits.ask([request_for("b")])[0], Waits)
    office.clock.advance(timedelta(days=7))
    assert isinstance(permits.ask([request_for("b")])[0], Granted)


def test_what_was_given_back_unused_may_be_asked_for_again(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=10))
    permits = office.runner()
    permits.settle(take(permits, request_for("a")), over(0, "killed"))
    permits.settle(take(permits, request_for("a")), over(0, "killed"))
    permits.settle(take(permits, request_for("a")), over(2))
    assert office.balance(project_path("flights")) == Balance(spent=2_000_000)
