"""Erasing a subject takes its rows out of every file, and nothing else."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.core.errors import IntegrityError, Unavailable
from towpath.operate.decisions import Compactor, SegmentDirectory, SegmentWriter, encode_frame

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

GONE, STAYS = "aa" * 16, "bb" * 16


def bytes_below(bench: Any) -> list[bytes]:
    """Return everything stored: raw segments and blobs."""
    raw = [path.read_bytes() for path in bench.path.iterdir() if path.is_file()]
    return raw + [bench.blobs.get(digest) for digest in bench.blobs.walk()]


def holds(bench: Any, text: str) -> bool:
    for data in bytes_below(bench):
        if text.encode() in data:
            return True
        if data[:4] == b"PAR1" and text in str(pl.read_parquet(io.BytesIO(data)).to_dicts()):
            return True
    return False


def filled(bench: Any, state: str) -> Any:
    gone = [bench.decision(hours=n, subject=GONE, key=f"gone-{n}") for n in range(4)]
    stay = [bench.decision(hours=n, subject=STAYS, key=f"stay-{n}") for n in range(4)]
    other = bench.decision(service="other", subject=GONE, key="gone-other")
    anonymous = bench.decision(key="anonymous")
    labels = [bench.label(d, 1) for d in (*gone[:2], *stay)]
    bench.spread(
        state, [[*gone[:2], *stay[:2]], [other, anonymous], [*gone[2:], *stay[2:]], labels]
    )
    return gone, stay


def test_subject_is_gone_and_the_others_are_whole(bench: Any, state: str) -> None:
    gone, stay = filled(bench, state)

    held = bench.log.holdings(GONE)
    assert (held.decisions, held.labels, held.services) == (5, 2, ("board", "other"))

    erased = bench.log.erase_subjects([GONE])

    assert (erased.decisions, erased.labels) == (5, 2)
    assert not holds(bench, GONE)
    assert not any(holds(bench, decision.decision_id) for decision in gone)
    assert bench.log.count() == 5
    assert bench.log.services() == ["board"]
    for decision in stay:
        assert bench.log.find(decision.decision_id) == decision
    assert bench.log.scan_labelled("board").collect().height == 4
    assert bench.log.holdings(GONE).decisions == 0
    assert all(bench.blobs.exists(new) for new in erased.rewritten.values() if new)
    assert not any(bench.blobs.exists(old) for old in erased.rewritten)


def test_many_leave_in_one_pass_that_rewrites_each_file_once(bench: Any) -> None:
    filled(bench, "parquet")
    third = bench.decision(subject="cc" * 16, key="third")
    bench.spread("parquet", [[third]])
    held = bench.log.holdings(GONE, STAYS)
    assert (held.decisions, held.labels) == (9, 6)
    erased = bench.log.erase_subjects([GONE, STAYS, "dd" * 16])
    assert (erased.decisions, erased.labels) == (9, 6)
    assert set(erased.rewritten) == set(held.files)
    assert not holds(bench, GONE)
    assert not holds(bench, STAYS)
    assert bench.log.find(third.decision_id) == third
    with bench.ledger.read() as tx:
        (event,) = tx.events.read(types=["decisions.erased"])
    assert event.payload["subjects"] == 3
    assert bench.log.erase_subjects([]).rewritten == {}


def test_second_erasure_finds_nothing(bench: Any) -> None:
    filled(bench, "parquet")
    bench.log.erase_subjects([GONE])
    again = bench.log.erase_subjects([GONE])
    assert (again.decisions, again.labels, again.rewritten) == (0, 0, {})


def test_erasure_is_recorded_without_values(bench: Any) -> None:
    filled(bench, "open")
    erased = bench.log.erase_subjects([GONE])
    with bench.ledger.read() as tx:
        (event,) = tx.events.read(types=["decisions.erased"])
    assert event.payload["decisions"] == erased.decisions
    assert event.payload["rewritten"] == erased.rewritten


def test_writing_goes_on_while_a_subject_is_erased(bench: Any) -> None:
    filled(bench, "open")
    stop = threading.Event()
    written: list[str] = []

    def write() -> None:
        while not stop.is_set():
            decision = bench.decision(subject=STAYS)
            bench.write(decision)
            written.append(decision.decision_id)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        bench.log.erase_subjects([GONE])
    finally:
        stop.set()
        thread.join()
    assert not holds(bench, GONE)
    found = bench.log.scan("board").collect()["decision_id"].to_list()
    assert sorted(set(found)) == sorted(found)
    assert set(written) <= set(found)


def test_writer_that_does_not_rotate_is_named_and_nothing_is_removed(bench: Any) -> None:
    filled(bench, "open")
    stuck = SegmentDirectory(bench.path)
    held_open = next(iter(stuck.sources()))
    bench.directory.request_rotation = lambda: None
    bench.log._directory.request_rotation = lambda: None
    with pytest.raises(Unavailable, match="did not hand over"):
        bench.log.erase_subjects([GONE], timeout_s=0.05)
    assert held_open.path.exists()
    assert bench.log.holdings(GONE).decisions == 5


def test_damaged_segment_blocks_the_claim_that_all_is_erased(bench: Any) -> None:
    filled(bench, "sealed")
    (source,) = bench.directory.sources()
    data = bytearray(source.path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    source.path.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        bench.log.erase_subjects([GONE])


def test_rows_that_another_machine_still_held_never_become_files(
    bench: Any, sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path
) -> None:
    gone = bench.decision(subject=GONE, key="g")
    stays = bench.decision(subject="bb" * 16, key="s")
    records = [gone, stays, *(bench.label(one, 1) for one in (gone, stays))]
    records += [bench.signal(f"board:{key}", "won", 1) for key in "gs"]
    elsewhere = SegmentWriter(SegmentDirectory(tmp_path / "elsewhere"))
    elsewhere.append(b"".join(map(encode_frame, records))).result(10)
    with sqlite_ledger.write() as tx:
        tx.withdrawals.add(GONE)

    bench.log.erase_subjects([GONE])
    elsewhere.close()
    Compactor(sqlite_ledger, disk_blobs, tmp_path / "elsewhere").compact()

    frame = bench.log.scan_labelled("board").collect()
    assert frame["decision_id"].to_list() == [stays.decision_id]
    tally = bench.log.tally()
    assert (tally.unmatched_labels, tally.unmatched_signals, tally.signalled) == (0, 0, 1)
    assert bench.log.holdings(GONE).decisions == 0


def test_who_is_let_in_again_is_recorded_again(bench: Any, sqlite_ledger: Ledger) -> None:
    bench.log.erase_subjects([GONE])  # nobody is suppressed (any more)
    again = bench.decision(subject=GONE)
    bench.write(again)
    bench.compact()
    assert bench.log.find(again.decision_id) == again
