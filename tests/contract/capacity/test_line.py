"""Who goes first on every ledger: priority, fair share, first come, backfill, and who makes room."""

from __future__ import annotations

from datetime import timedelta

import pytest

from towpath.build.capacity import ORGANISATION, Budget, Granted, Queue, Waits, project_path
from towpath.build.capacity.deciding import decide
from towpath.build.capacity.reading import standing_now
from towpath.build.capacity.sharing import Debts
from towpath.ledger import Balance

pytestmark = pytest.mark.usefixtures("office")


def granted(permits, *requests) -> list[str]:
    return [one.id for one in permits.ask(requests) if isinstance(one, Granted)]


def ids(*requests) -> list[str]:
    return [one.id for one in requests]


def test_first_come_first_served(office, request_for, take, over):
    office.declare("flights", Budget(steps=1))
    permits = office.runner()
    held = take(permits, request_for("0"))
    first, second = request_for("1"), request_for("2")
    permits.ask([first])
    office.pass_time(1)
    permits.ask([second])
    permits.settle(held, over(1))
    assert granted(permits, second) == []
    assert granted(permits, first) == ids(first)


def test_priority_goes_before_first_come(office, request_for, take, over):
    office.declare("flights", Budget(steps=1))
    permits = office.runner()
    held = take(permits, request_for("0"))
    low, high = request_for("low"), request_for("high", priority=5)
    permits.ask([low])
    office.pass_time(1)
    permits.ask([high])
    permits.settle(held, over(1))
    assert granted(permits, low) == []
    assert granted(permits, high) == ids(high)


def test_an_asker_that_went_away_loses_its_place(office, request_for, take, over):
    office.declare("flights", Budget(steps=1))
    gone, permits = office.runner("gone"), office.runner("here")
    held = take(permits, request_for("0"))
    gone.ask([request_for("1", priority=9)])
    office.pass_time(1)
    second = request_for("2")
    permits.ask([second])
    permits.settle(held, over(1))
    assert granted(permits, second) == []
    office.pass_time(31)
    assert granted(permits, second) == ids(second)


def test_the_project_that_used_less_lately_goes_first(office, request_for, take, over):
    office.declare(ORGANISATION, Budget(steps=1))
    office.declare("flights", Budget())
    office.declare("loans", Budget())
    permits = office.runner()
    permits.settle(take(permits, request_for("0")), over(10))
    held = take(permits, request_for("1", project="loans"))
    ours, theirs = request_for("2"), request_for("3", project="loans")
    permits.ask([ours])
    permits.ask([theirs])
    permits.settle(held, over(1))
    assert granted(permits, ours, theirs) == ids(theirs)


def test_shares_weigh_and_use_is_forgotten_with_time(office, request_for, take, over):
    office.declare(ORGANISATION, Budget(steps=1))
    office.declare("flights", Budget(share=20))
    office.declare("loans", Budget())
    permits = office.runner()
    permits.settle(take(permits, request_for("0")), over(10))
    permits.settle(take(permits, request_for("1", project="loans")), over(1))
    ours, theirs = request_for("2"), request_for("3", project="loans")
    assert granted(permits, theirs, ours) == ids(ours)  # 10 / 20 < 1 / 1
    permits.settle(ours.id, over(10))
    permits.withdraw([theirs.id])
    office.clock.advance(timedelta(days=30))
    permits.settle(take(permits, request_for("4")), over(1))
    later = request_for("5")
    assert granted(permits, later, request_for("6", project="loans")) == ["run-6/fit/1"]


def test_one_project_does_not_take_every_free_place_in_one_go(office, request_for):
    office.declare(ORGANISATION, Budget(steps=4))
    office.declare("flights", Budget())
    office.declare("loans", Budget())
    ours = [request_for(f"a{n}") for n in range(4)]
    theirs = [request_for(f"b{n}", project="loans") for n in range(4)]
    start = granted(office.runner(), *ours, *theirs)
    assert sorted(start) == sorted(ids(*ours[:2], *theirs[:2]))


def test_what_does_not_delay_the_head_goes_ahead(office, request_for, take):
    office.declare("flights", Budget(cpus=4))
    permits = office.runner()
    take(permits, request_for("0", cpus=3, timeout_s=100.0))
    wide = request_for("wide", cpus=4)
    permits.ask([wide])
    office.pass_time(1)
    short, long = request_for("short", timeout_s=99.0), request_for("long", timeout_s=100.0)
    assert granted(permits, long) == []
    assert granted(permits, short) == ids(short)
    (answer,) = permits.ask([long])
    assert isinstance(answer, Waits)


def test_nothing_goes_ahead_on_money_that_the_head_waits_for(office, request_for, take):
    office.declare("flights", Budget(usd_per_month=30), [Queue("quick")])
    permits = office.runner()
    take(permits, request_for("0"))
    head = request_for("head", attempts_left=3)
    assert isinstance(permits.ask([head])[0], Waits)
    (answer,) = permits.ask([request_for("small", queue="quick", timeout_s=1.0)])
    assert isinstance(answer, Waits)
    assert "run run-head (project 'flights') waits in front" in answer.blocker


def test_a_head_that_waits_for_the_next_period_holds_up_nobody(office, request_for, take, over):
    office.declare("flights", Budget(usd_per_month=30))
    permits = office.runner()
    permits.settle(take(permits, request_for("0")), over(10))
    (head,) = permits.ask([request_for("head", attempts_left=3)])
    assert head.resumes_at is not None
    small = request_for("small")
    assert granted(permits, small) == ids(small)


def test_a_long_line_is_answered_without_walking_all_of_it(office, request_for, take):
    office.declare("flights", Budget(steps=1))
    permits = office.runner()
    take(permits, request_for("0"))
    crowd = [request_for(f"{n:03}") for n in range(150)]
    answers = permits.ask(crowd)
    assert all(isinstance(one, Waits) for one in answers)
    assert answers[-1].blocker == "more than 20 attempts wait in front in its queue"


def test_a_queue_that_is_stuck_hides_nobody(office, request_for, take):
    office.declare("flights", Budget(), [Queue("full", steps=1, priority=3), Queue("free")])
    permits = office.runner()
    take(permits, request_for("0", queue="full"))
    permits.ask([request_for(f"{n:03}", queue="full") for n in range(250)])
    free = request_for("free", queue="free")
    assert granted(permits, free) == ids(free)


# -- preemption ----------------------------------------------------------------------------------------


def test_a_higher_priority_asks_for_room_where_least_work_is_lost(office, request_for, take, over):
    office.declare("flights", Budget(steps=2))
    permits = office.runner("low")
    old = take(permits, request_for("old", checkpointing=True, timeout_s=600.0))
    office.pass_time(60)
    young = take(permits, request_for("young", checkpointing=True, timeout_s=600.0))
    office.pass_time(30)
    permits.saved(old)
    office.pass_time(5)
    urgent = request_for("urgent", priority=1)
    (answer,) = office.runner("high").ask([urgent])
    assert answer.blocker.endswith("; 1 of lower priority asked to stop")
    assert permits.wanted_back("run-old") == [old]
    assert permits.wanted_back("run-young") == []
    permits.settle(old, over(95, "preempted"))
    take(office.runner("high"), urgent)
    assert permits.wanted_back("run-old") == []
    assert young


@pytest.mark.parametrize(
    "protected",
    [{"checkpointing": False}, {"priority": 1}, {"queue": "steady"}],
    ids=["saves nothing", "as important", "not preemptible"],
)
def test_nobody_else_is_asked_for_room(office, request_for, take, protected):
    office.declare("flights", Budget(steps=1), [Queue("steady", preemptible=False)])
    permits = office.runner("low")
    held = take(permits, request_for("held", **({"checkpointing": True} | protected)))
    office.runner("high").ask([request_for("urgent", priority=1)])
    assert permits.wanted_back("run-held") == []
    assert held


def test_nobody_stops_in_vain(office, request_for, take):
    office.declare("flights", Budget(cpus=4))
    permits = office.runner("low")
    take(permits, request_for("fixed", cpus=2))
    take(permits, request_for("soft", cpus=2, checkpointing=True))
    office.runner("high").ask([request_for("urgent", cpus=4, priority=1)])
    assert permits.wanted_back("run-soft") == []


def test_no_more_are_stopped_than_needed(office, request_for, take):
    office.declare("flights", Budget(cpus=4))
    permits = office.runner("low")
    for name, cpus in (("small", 1), ("large", 3)):
        office.pass_time(1)
        take(permits, request_for(name, cpus=cpus, checkpointing=True))
        permits.saved(f"run-{name}/fit/1")
    office.runner("high").ask([request_for("urgent", cpus=3, priority=1)])
    wanted = permits.wanted_back("run-small") + permits.wanted_back("run-large")
    assert wanted == ["run-large/fit/1"]


def test_a_preempted_attempt_gives_its_money_back_and_keeps_its_place(
    office, request_for, take, over
):
    office.declare("flights", Budget(usd_per_month=40, steps=1))
    permits, high = office.runner("low"), office.runner("high")
    first = take(permits, request_for("first", checkpointing=True, attempts_left=2))
    office.pass_time(1)
    second = request_for("second")
    permits.ask([second])
    urgent = request_for("urgent", priority=1)
    high.ask([urgent])
    permits.settle(first, over(1, "preempted", attempts_left=2))
    assert office.balance(project_path("flights")) == Balance(spent=1_000_000)
    high.settle(take(high, urgent), over(1))
    again = request_for("first", attempt=2, checkpointing=True, attempts_left=2)
    assert granted(permits, second, again) == ids(again)


def test_room_is_not_wanted_any_more_when_who_wanted_it_went_away(office, request_for, take):
    office.declare("flights", Budget(steps=1))
    permits, high = office.runner("low"), office.runner("high")
    held = take(permits, request_for("held", checkpointing=True))
    high.ask([request_for("urgent", priority=1)])
    assert permits.wanted_back("run-held") == [held]
    high.withdraw(["run-urgent/fit/1"])
    assert permits.wanted_back("run-held") == []


def test_of_a_full_queue_only_the_head_and_who_asks_are_read(office, request_for, take, over):
    office.declare("flights", Budget(), [Queue("full", steps=1), Queue("free")])
    permits, crowd = office.runner(), office.runner("crowd")
    held = take(permits, request_for("0", queue="full"))
    crowd.ask([request_for(f"c{number}", queue="full") for number in range(40)])
    late = request_for("late", queue="full")
    read: list[str] = []
    with office.ledger.read() as tx:
        standing = standing_now(tx, now=office.clock.now(), wall=office.wall.now())
        debts = Debts(tx.line.shares(), standing.running, standing.nodes, standing.now)
        read += [one.id for one in decide(tx, standing, debts, []).order]
        whole = decide(tx, standing, debts, [], whole=True).order
    assert (len(read), len(whole)) == (1, 21)
    (answer,) = permits.ask([late])
    assert isinstance(answer, Waits)
    assert answer.blocker.startswith("queue 'full' of project 'flights' may have 1 step at once")
    permits.settle(held, over(1))
    (again,) = permits.ask([late])
    assert isinstance(again, Waits), "those before it are still before it"
    assert granted(crowd, request_for("c0", queue="full")) == ids(request_for("c0"))


def test_groups_and_owners_are_found_without_reading_the_line(office, request_for):
    office.declare(ORGANISATION, Budget(steps=1))
    office.declare("flights", Budget(), [Queue("a"), Queue("b")])
    office.declare("loans", Budget())
    office.runner("x").ask([request_for(f"{n}", queue=q) for n, q in enumerate(["a", "b", "a"])])
    office.runner("y").ask([request_for("4", project="loans", priority=3), request_for("5")])
    with office.ledger.read() as tx:
        groups = [(one.priority, one.project, one.queue) for one in tx.line.groups()]
        owners = tx.line.owners()
    assert groups == [
        (3, "loans", ""),
        (0, "flights", ""),
        (0, "flights", "a"),
        (0, "flights", "b"),
    ]
    assert owners == ["x", "y"]
