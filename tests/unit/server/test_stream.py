"""Live news: what is committed arrives, once, and nobody listens for nothing."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from seeded_home import seed_home
from served import served

from towpath.server.stream import EventStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeded_home import SeededHome


@pytest.fixture
def living(tmp_path: Path) -> Iterator[SeededHome]:
    """A home of one's own, to be changed."""
    home = seed_home(tmp_path, days=2, per_day=1)
    yield home
    home.close()


@contextmanager
def listening(url: str, headers: dict[str, str] | None = None) -> Iterator[Iterator[tuple]]:
    with (
        httpx.Client(timeout=20) as client,
        client.stream("GET", f"{url}/api/v1/events/stream", headers=headers) as response,
    ):
        yield messages(response)


def messages(response: httpx.Response) -> Iterator[tuple[str, object, str | None]]:
    event, data, seq = "", "", None
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            event = value
        elif field == "data":
            data = value
        elif field == "id":
            seq = value
        elif not line and event:
            yield event, json.loads(data), seq
            event, data, seq = "", "", None


def test_a_commit_arrives_with_its_place_in_the_log(living: SeededHome):
    with served(living.services) as url, listening(url) as news:
        assert next(news)[0] == "clock"
        with living.ledger.write(actor="test") as tx:
            told = tx.events.append("route.changed", "service:delay-board", reason="test")
        event, batch, seq = next(message for message in news if message[0] == "log")
    assert (event, seq) == ("log", str(told.seq))
    assert [(one["type"], one["actor"]) for one in batch] == [("route.changed", "test")]


def test_the_clock_is_told_first(living: SeededHome):
    with served(living.services) as url, listening(url) as news:
        event, data, _ = next(news)
    assert event == "clock"
    assert data["event_time"] == living.services.clock.now().isoformat().replace("+00:00", "Z")


def test_who_missed_something_is_told_to_read_again(living: SeededHome):
    with served(living.services) as url, listening(url, {"last-event-id": "3"}) as news:
        event, data, _ = next(news)
    with living.ledger.read() as tx:
        assert (event, data["seq"]) == ("reset", tx.events.size() - 1)


def test_shutting_down_ends_the_streams(living: SeededHome):
    ended = threading.Event()
    began = threading.Event()

    def listen(url: str) -> None:
        with listening(url) as news:
            for _ in news:
                began.set()
        ended.set()

    with served(living.services) as url:
        listener = threading.Thread(target=listen, args=(url,))
        listener.start()
        assert began.wait(timeout=20)
    assert ended.wait(timeout=20)
    listener.join()


def test_the_reader_stops_when_the_last_listener_leaves(living: SeededHome):
    async def come_and_go() -> None:
        stream = EventStream(living.services, poll_s=0.01)
        news = stream.listen()
        await anext(news)
        reader = stream._reader
        assert reader is not None
        await news.aclose()
        await asyncio.wait_for(reader, timeout=20)

    asyncio.run(come_and_go())


def test_a_listener_that_falls_behind_is_cut_off_and_the_others_are_not(living: SeededHome):
    async def fall_behind() -> int:
        stream = EventStream(living.services, poll_s=0.001)
        slow, quick = stream.listen(), stream.listen()
        await anext(slow)
        await anext(quick)
        heard = 0
        while len(stream._listeners) == 2:
            with living.ledger.write() as tx:
                tx.events.append("route.changed", "service:delay-board")
            while (await anext(quick)).event != "log":
                pass
            heard += 1
        rest = [message async for message in slow]
        stream.close()
        assert len(rest) < heard
        return heard

    assert asyncio.run(fall_behind()) > 1
