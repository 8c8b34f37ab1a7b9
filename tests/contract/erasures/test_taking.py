"""What `Erasures` promises of withdrawals that are brought, on every ledger."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
from statements import statements

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.core.clock import ManualClock
from towpath.core.errors import Conflict, NotFound, RateLimited, UsageError
from towpath.ledger import open_ledger
from towpath.operate.decisions import SegmentDecisionLog
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.erasure import LedgerErasures
from towpath.trace.erasure.contract import BATCH_MOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

START = datetime(2026, 3, 1, tzinfo=UTC)


class Ride(Schema):
    ride: str
    rider: str


rides = Dataset("rides", schema=Ride, key="ride", subject="rider")


def opened(ledger: Ledger, blobs: BlobStore, keyring: FileKeyring, home: Path, **more):
    datasets = ParquetDatasetStore(ledger, blobs, keyring)
    decisions = SegmentDecisionLog(ledger, blobs, home / "decisions")
    return LedgerErasures(ledger, blobs, keyring, datasets, decisions, **more)


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def erasures(
    ledger: Ledger,
    disk_blobs: BlobStore,
    keyring: FileKeyring,
    tmp_path: Path,
    wall: ManualClock,
) -> Callable[..., LedgerErasures]:
    rows = pl.DataFrame({"ride": ["1"], "rider": ["r1"]})
    ParquetDatasetStore(ledger, disk_blobs, keyring).commit(rides, rows, project="p")

    def open_erasures(**more: object) -> LedgerErasures:
        return opened(ledger, disk_blobs, keyring, tmp_path, **{"wall": wall, **more})

    return open_erasures


def suppressed(ledger: Ledger) -> list[str]:
    with ledger.read() as tx:
        return [one.subject for one in tx.withdrawals.since(1)]


def test_a_batch_is_what_one_after_another_would_be(erasures, ledger, keyring) -> None:
    ours = erasures()
    first = ours.submit("rider", "r1")
    ids = ours.submit_all("rider", ["r2", "r1", "r3", "r2"])
    assert ids[1] == first
    assert ids[0] == ids[3]
    assert len({*ids}) == 3
    assert suppressed(ledger) == [keyring.subject_hash("rider", one) for one in ("r1", "r2", "r3")]
    assert {ours.get(one).rides_on for one in (ids[0], ids[2])} == {first}
    assert ours.submit("rider", "r3") == ids[2]
    with ledger.read() as tx:
        (gathering,) = tx.intents.list("erasure_gathering")
        told = [one.payload["hash"] for one in tx.events.read(types=["erasure.suppressed"])]
    assert (gathering.status["riders"], gathering.status["suppression"]) == (2, 3)
    assert told == suppressed(ledger)


def test_a_batch_with_nobody_to_ride_on_drives_itself(erasures) -> None:
    ours = erasures()
    driver, *riders = ours.submit_all("rider", ["r1", "r2", "r3"])
    assert ours.get(driver).rides_on is None
    assert {ours.get(one).rides_on for one in riders} == {driver}


def test_many_are_taken_in_as_many_statements_as_few(erasures) -> None:
    ours = erasures()
    ours.submit("rider", "r0")
    counts: list[int] = []
    for first, count in ((10, 5), (100, BATCH_MOST)):
        with statements() as seen:
            ours.submit_all("rider", [f"r{one}" for one in range(first, first + count)])
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("wrong", [[], [""], ["x" * 1001], ["x"] * (BATCH_MOST + 1)])
def test_what_can_not_be_taken_is_refused_whole(erasures, ledger, wrong) -> None:
    with pytest.raises(UsageError):
        erasures().submit_all("rider", wrong)
    with pytest.raises(NotFound):
        erasures().submit_all("ridre", ["r1", "r2"])
    assert suppressed(ledger) == []


def test_a_call_under_a_key_is_answered_and_not_repeated(erasures, ledger) -> None:
    ours = erasures(per_minute=2)
    ids = ours.submit_all("rider", ["r1", "r2"], actor="desk", key="k1")
    with ledger.write() as tx:  # long fulfilled: without the key, asking again begins another
        for one in ids:
            row = tx.intents.get("erasure", one)
            tx.intents.report("erasure", one, status=row.status, phase="certified")
    assert ours.submit_all("rider", ["r1", "r2"], actor="desk", key="k1") == ids
    with pytest.raises(Conflict, match="other withdrawals"):
        ours.submit_all("rider", ["r1", "r3"], actor="desk", key="k1")
    assert ours.submit_all("rider", ["r1"], actor="phone", key="k1") != ids[:1]
    with ledger.read() as tx:
        kept = str([(one.name, one.spec) for one in tx.intents.list("withdrawal_call")])
    assert "r1" not in kept
    assert "desk" not in kept


def test_a_caller_is_told_when_to_come_again_and_nothing_is_taken(erasures, ledger, wall) -> None:
    ours = erasures(per_minute=60)
    ours.submit_all("rider", [f"r{one}" for one in range(60)], actor="desk")
    before = suppressed(ledger)
    with pytest.raises(RateLimited) as refused:
        ours.submit_all("rider", ["x1", "x2"], actor="desk")
    assert refused.value.fields["retry_after_s"] == 1
    assert suppressed(ledger) == before
    ours.submit("rider", "y1", actor="phone")  # another caller's allowance is its own
    wall.advance(timedelta(seconds=1))
    ours.submit_all("rider", ["x1", "x2", "x3"], actor="desk")
    with pytest.raises(RateLimited) as refused:  # what it overdrew is paid back first
        ours.submit("rider", "x4", actor="desk")
    assert refused.value.fields["retry_after_s"] == 3
    wall.advance(timedelta(seconds=3))
    ours.submit("rider", "x4", actor="desk")
    # A clock that was set back by a day locks nobody out for one.
    earlier = erasures(per_minute=60, wall=ManualClock(START - timedelta(days=1)))
    earlier.submit_all("rider", [f"z{one}" for one in range(60)], actor="desk")
    with pytest.raises(RateLimited) as refused:  # and it limits again from there
        earlier.submit("rider", "x5", actor="desk")
    assert refused.value.fields["retry_after_s"] == 1


def _bring(url: str, home: Path, name: str) -> None:
    keyring = FileKeyring(home / "keys")
    ledger = open_ledger(open_database(url), keyring)
    ours = opened(
        ledger,
        open_blobs(f"file://{home}/blobs"),
        keyring,
        home,
        wall=ManualClock(START),
        per_minute=20,
    )
    for turn in range(15):
        try:
            ours.submit("rider", f"{name}{turn}", actor="desk")
        except RateLimited:
            continue


def test_the_limit_holds_over_all_processes_together(
    erasures, ledger, database_url, tmp_path
) -> None:
    assert erasures
    context = multiprocessing.get_context("fork")
    several = [
        context.Process(target=_bring, args=(database_url, tmp_path, name)) for name in "abc"
    ]
    for one in several:
        one.start()
    for one in several:
        one.join(60)
        assert one.exitcode == 0
    assert len(suppressed(ledger)) == 20
