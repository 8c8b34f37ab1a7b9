"""Joint calls: who shares one, who never waits, and that rows and failures stay with their callers."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import DeadlineExceeded, IntegrityError
from towpath.gateway.answers.batching import ROWS_MOST, Batcher, CallCosts

POISON = -1.0
DEADLINE_S = 20.0


class Doubling:
    """A model that doubles its only column, fails on poison, and can be held at work."""

    package = "sha256:0"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.threads: list[int] = []
        self.entered = threading.Semaphore(0)
        self.held = threading.Event()
        self.held.set()
        self.lost = 0

    def answer(self, rows: Any) -> Any:
        self.calls.append(len(rows))
        self.threads.append(threading.get_ident())
        self.entered.release()
        assert self.held.wait(DEADLINE_S)
        if (rows[:, 0] == POISON).any():
            raise ZeroDivisionError
        return rows[self.lost :, 0] * 2


def batcher(model: Doubling) -> Batcher:
    return Batcher(model)  # pyright: ignore[reportArgumentType] - all that a batcher asks of a predictor


def rows(*values: float) -> Any:
    return np.array(values, dtype=np.float64).reshape(-1, 1)


async def settled(found: Any) -> Any:
    """Return what came of an answer: the values, or the exception."""
    try:
        return [*(await found if isinstance(found, asyncio.Future) else found)]
    except Exception as error:
        return error


VALUES = st.lists(st.sampled_from([1.0, 2.0, 3.5, 7.0, POISON]), min_size=1, max_size=5)


@given(turns=st.lists(st.lists(VALUES, min_size=1, max_size=6), max_size=4))
def test_every_caller_gets_its_own_answers_or_its_own_failure(
    turns: list[list[list[float]]],
) -> None:
    async def run() -> None:
        model = Doubling()
        door = batcher(model)
        asked: list[tuple[list[float], Any]] = []
        for turn in turns:
            for values in turn:
                try:
                    asked.append((values, door.answer(rows(*values))))
                except ZeroDivisionError as error:
                    asked.append((values, error))
            await asyncio.sleep(0)
        for values, found in asked:
            came = found if isinstance(found, Exception) else await settled(found)
            if POISON in values:
                assert isinstance(came, ZeroDivisionError)
            else:
                assert came == [value * 2 for value in values]

    asyncio.run(run())


def test_what_comes_in_one_turn_shares_a_call() -> None:
    async def run() -> None:
        model = Doubling()
        door = batcher(model)
        found = [door.answer(rows(float(at))) for at in range(8)]
        assert [await settled(one) for one in found] == [[at * 2.0] for at in range(8)]
        assert model.calls == [8]

    asyncio.run(run())


def test_what_comes_while_the_model_is_at_work_shares_the_next_call_and_nobody_is_blocked() -> None:
    async def run() -> None:
        model = Doubling()
        model.held.clear()
        door = batcher(model)
        first = door.answer(rows(1.0))
        assert await asyncio.to_thread(model.entered.acquire, timeout=DEADLINE_S)
        later = []
        for at in range(5):
            later.append(door.answer(rows(float(at))))
            await asyncio.sleep(0)
        assert model.calls == [1]
        model.held.set()
        assert await settled(first) == [2.0]
        assert [await settled(one) for one in later] == [[at * 2.0] for at in range(5)]
        assert model.calls == [1, 5]
        assert threading.get_ident() not in model.threads[:1]

    asyncio.run(run())


def test_a_model_that_was_found_quick_answers_on_the_spot() -> None:
    async def run() -> None:
        model = Doubling()
        door = batcher(model)
        for _ in range(200):
            door.costs.note(1, 1e-6)
        for _ in range(40):
            assert door.answer(rows(3.0)).tolist() == [6.0]  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(ZeroDivisionError):
            door.answer(rows(POISON))

    asyncio.run(run())


def test_a_call_that_would_hold_up_the_loop_goes_to_a_thread() -> None:
    async def run() -> None:
        model = Doubling()
        door = batcher(model)
        door.costs.note(1, 1.0)
        assert await settled(door.answer(rows(1.0))) == [2.0]
        assert model.threads != [threading.get_ident()]

    asyncio.run(run())


def test_a_request_whose_time_is_up_is_left_out_of_the_call() -> None:
    async def run() -> None:
        model = Doubling()
        model.held.clear()
        door = batcher(model)
        first = door.answer(rows(1.0))
        assert await asyncio.to_thread(model.entered.acquire, timeout=DEADLINE_S)
        late = door.answer(rows(2.0), by=time.monotonic())
        in_time = door.answer(rows(3.0), by=time.monotonic() + DEADLINE_S)
        model.held.set()
        assert await settled(first) == [2.0]
        assert isinstance(await settled(late), DeadlineExceeded)
        assert await settled(in_time) == [6.0]
        assert model.calls == [1, 1]

    asyncio.run(run())


def test_a_caller_who_left_is_not_answered_and_costs_nobody_else() -> None:
    async def run() -> None:
        model = Doubling()
        door = batcher(model)
        gone, stays = door.answer(rows(1.0)), door.answer(rows(2.0))
        assert isinstance(gone, asyncio.Future)
        gone.cancel()
        assert await settled(stays) == [4.0]
        assert model.calls == [1]

    asyncio.run(run())


def test_answers_of_which_nobody_knows_whose_they_are_reach_nobody() -> None:
    async def run() -> None:
        model = Doubling()
        model.lost = 1
        door = batcher(model)
        found = [door.answer(rows(1.0, 2.0)), door.answer(rows(3.0))]
        for one in found:
            assert isinstance(await settled(one), IntegrityError)

    asyncio.run(run())


def test_a_joint_call_is_bounded_and_a_larger_request_has_its_own() -> None:
    async def run() -> None:
        model = Doubling()
        door = batcher(model)
        sizes = [ROWS_MOST // 2, ROWS_MOST // 2, 1, ROWS_MOST * 2]
        found = [door.answer(rows(*[1.0] * size)) for size in sizes]
        for size, one in zip(sizes, found, strict=True):
            assert await settled(one) == [2.0] * size
        assert model.calls == [ROWS_MOST, 1, ROWS_MOST * 2]

    asyncio.run(run())


def test_a_lone_caller_is_seldom_kept_waiting_for_company_that_never_came() -> None:
    async def run() -> None:
        model = Doubling()
        asking = batcher(model)
        waited = 0
        for _ in range(16):
            asking.costs = CallCosts()
            asking.costs.note(1, 500e-6)  # worth sharing, if anybody came
            found = asking.answer(rows(1.0))
            waited += isinstance(found, asyncio.Future)
            assert await settled(found) == [2.0]
        assert waited == 2
        assert model.calls == [1] * 16

    asyncio.run(run())


def costs(fixed_s: float, row_s: float) -> CallCosts:
    """Return what was measured of a model whose calls cost so much."""
    found = CallCosts()
    for size in (1, 2, 8, 64, 512):
        found.note(size, fixed_s + size * row_s)
    return found


def test_joining_pays_where_the_fixed_part_of_a_call_is_large() -> None:
    assert costs(1e-3, 1e-6).joining_pays(1)  # a data frame is made and checked for each call
    assert not costs(0.0, 12e-6).joining_pays(1)  # compiled trees, one after the other
    assert not costs(0.0, 12e-6).joining_pays(64)
    assert not costs(0.0, 5e-3).joining_pays(1)  # slow, and no quicker beside others


def test_one_slow_call_does_not_change_what_a_model_is_taken_to_cost() -> None:
    found = costs(0.0, 10e-6)
    found.note(1, 1.0)
    assert found.expected_s(1) == pytest.approx(11e-6)
    assert found.trifling() >= 1


def test_a_way_that_once_was_dear_is_tried_again() -> None:
    found = CallCosts()
    found.note(1, 500e-6)
    found.note(8, 8.0)  # the first joint call: memory was short, or the machine was
    refusals = 0
    while not found.joining_pays(1):
        refusals += 1
        assert refusals < 100_000
    found.note(8, 500e-6)
    assert found.joining_pays(1)


def test_a_size_that_was_never_seen_is_expected_to_cost_what_smaller_ones_do_per_row() -> None:
    found = CallCosts()
    assert found.expected_s(5) is None
    found.note(4, 4e-3)
    assert found.expected_s(100) == pytest.approx(0.1)
    assert found.expected_s(1) is not None
