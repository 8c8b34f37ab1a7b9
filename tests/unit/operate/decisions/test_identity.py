"""Decision ids are UUIDv7, unique, and sort in the order they were made."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from towpath.operate.decisions import DecisionIds


def test_ids_rise_and_are_version_7() -> None:
    ids = DecisionIds()
    before_ms = time.time_ns() // 1_000_000
    made = [ids.next() for _ in range(20_000)]
    assert made == sorted(set(made))
    parsed = uuid.UUID(made[0])
    assert str(parsed) == made[0]
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert (parsed.int >> 80) >= before_ms


def test_ids_stay_unique_between_threads_and_makers() -> None:
    makers = [DecisionIds(), DecisionIds()]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: makers[n % 2].next(), range(4000)))
    assert len(set(made)) == len(made)


def test_clock_that_steps_back_does_not_repeat_ids(monkeypatch) -> None:
    ids = DecisionIds()
    first = ids.next()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert ids.next() > first
