"""What look-ups from an event loop promise, over every backend."""

from __future__ import annotations

import asyncio
import struct
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from towpath.storage.online import LoopReads, OnlineStore

STAMP = struct.pack(">QQ", 5, 0)
COUNT = 300


@pytest.fixture
def filled(online: OnlineStore) -> OnlineStore:
    for table in ("flights", "weather"):
        publish(online, table, table)
    return online


def publish(store: OnlineStore, table: str, said: str) -> None:
    with store.begin(table) as draft:
        draft.write([(b"%03d" % at, STAMP + f"{said} {at}".encode()) for at in range(COUNT)])
        draft.publish(b"body")


def in_loop(store: OnlineStore, act: Callable[[LoopReads], Awaitable[None]]) -> None:
    async def main() -> None:
        async with aclosing(store.in_loop()) as reads:
            await act(reads)

    asyncio.run(main())


async def text(reads: LoopReads, table: str, at: int) -> str:
    (found,) = await reads.read([(table, [b"%03d" % at])])
    (value,) = found.values
    assert value is not None
    return value[16:].decode()


def test_it_answers_what_a_read_answers(filled: OnlineStore):
    every = [b"%03d" % at for at in range(COUNT)]
    asked = [("weather", [b"007", b"missing"]), ("nothing", [b"001", b"002"]), ("flights", every)]

    async def act(reads: LoopReads) -> None:
        assert await reads.read(asked) == filled.read(asked)
        assert await reads.read([]) == []

    in_loop(filled, act)


def test_tasks_that_ask_together_get_each_its_own(filled: OnlineStore):
    async def act(reads: LoopReads) -> None:
        asked = [(table, at) for at in range(COUNT) for table in ("flights", "weather")]
        found = await asyncio.gather(*(text(reads, *one) for one in asked))
        assert found == [f"{table} {at}" for table, at in asked]

    in_loop(filled, act)


def test_a_task_that_is_cancelled_leaves_no_answer_to_others(filled: OnlineStore):
    async def act(reads: LoopReads) -> None:
        await text(reads, "weather", 0)
        for turn in range(20):
            tasks = [asyncio.create_task(text(reads, "weather", at)) for at in range(10)]
            await asyncio.sleep(0)  # all have asked by now
            for task in tasks[::2]:
                task.cancel()
            kept = await asyncio.gather(*tasks[1::2])
            assert kept == [f"weather {at}" for at in range(1, 10, 2)]
            assert await text(reads, "flights", turn) == f"flights {turn}"

    in_loop(filled, act)


def test_a_new_generation_answers_at_once(filled: OnlineStore, another: OnlineStore):
    async def act(reads: LoopReads) -> None:
        assert await text(reads, "weather", 3) == "weather 3"
        head = another.head("weather")
        publish(another, "weather", "later")
        (found,) = await reads.read([("weather", [b"003"])])
        assert found.values == [STAMP + b"later 3"]
        assert head is not None
        assert found.generation != head.generation

    in_loop(filled, act)


def test_each_loop_has_its_own(filled: OnlineStore):
    for _ in range(3):

        async def act(reads: LoopReads) -> None:
            assert await text(reads, "weather", 1) == "weather 1"

        in_loop(filled, act)


def test_what_is_closed_answers_no_more(filled: OnlineStore):
    async def act(reads: LoopReads) -> None:
        await text(reads, "weather", 1)
        await reads.aclose()
        await reads.aclose()
        with pytest.raises(Unavailable):
            await text(reads, "weather", 1)

    in_loop(filled, act)
    assert filled.read([("weather", [b"001"])])[0].values == [STAMP + b"weather 1"]
