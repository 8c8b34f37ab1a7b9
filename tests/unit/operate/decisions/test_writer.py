"""Group commit, rotation and failure of one process's segment."""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.errors import InfrastructureError, Overloaded, StorageFull
from towpath.operate.decisions import Label, SegmentDirectory, SegmentWriter, encode_frame
from towpath.operate.decisions.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ID = "0192f0c1-0000-7000-8000-000000000001"


def frame(value: float) -> bytes:
    return encode_frame(Label(decision_id=ID, value=value, at_us=1, recorded_us=1))


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def directory(tmp_path: Path) -> SegmentDirectory:
    return SegmentDirectory(tmp_path / "decisions")


@pytest.fixture
def make_writer(directory: SegmentDirectory) -> Iterator[Any]:
    writers: list[SegmentWriter] = []

    def make(**options: Any) -> SegmentWriter:
        writers.append(SegmentWriter(directory, **options))
        return writers[-1]

    yield make
    for writer in writers:
        writer.close()


def values(directory: SegmentDirectory) -> list[float]:
    rows = Tails().read(directory.sources())
    return [value for frame in rows.frames("labels") for value in frame["label"].to_list()]


def states(directory: SegmentDirectory) -> list[str]:
    return [source.state for source in directory.sources()]


def test_records_that_wait_together_share_one_flush(
    directory: SegmentDirectory, make_writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes: list[int] = []
    hold, sync = threading.Event(), os.fdatasync

    def slow_sync(descriptor: int) -> None:
        flushes.append(descriptor)
        assert hold.wait(20)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow_sync)
    writer = make_writer()
    first = writer.append(frame(0))
    eventually(lambda: flushes)
    later = {writer.append(frame(n)) for n in range(1, 100)}
    assert len(later) == 1
    assert not first.done()
    hold.set()
    later.pop().result(20)
    assert len(flushes) == 2
    assert values(directory) == [float(n) for n in range(100)]


def test_nothing_is_there_before_the_first_record(
    directory: SegmentDirectory, make_writer: Any
) -> None:
    writer = make_writer()
    writer.flush()
    writer.close()
    assert directory.sources() == []


def test_patient_records_follow_within_the_linger(make_writer: Any) -> None:
    writer = make_writer(linger_s=0.01)
    writer.append(frame(1), urgent=False).result(20)


def test_patient_records_do_not_pile_up_in_memory(make_writer: Any) -> None:
    writer = make_writer(linger_s=600.0)
    piece = frame(1) * 1000
    for _ in range((4 << 20) // len(piece) + 1):
        written = writer.append(piece, urgent=False)
        if written.done():
            break
    written.result(20)


def test_segment_is_sealed_by_size(directory: SegmentDirectory, make_writer: Any) -> None:
    writer = make_writer(rotate_bytes=200)
    for n in range(10):
        writer.append(frame(n)).result(20)
    eventually(lambda: "open" not in states(directory)[:-1])
    assert len(states(directory)) > 1
    assert sorted(values(directory)) == [float(n) for n in range(10)]


def test_segment_is_sealed_by_age(directory: SegmentDirectory, make_writer: Any) -> None:
    writer = make_writer(rotate_s=0.01)
    writer.append(frame(1)).result(20)
    eventually(lambda: states(directory) == ["sealed"])


def test_segment_is_sealed_on_request(directory: SegmentDirectory, make_writer: Any) -> None:
    writer = make_writer()
    writer.append(frame(1)).result(20)
    assert states(directory) == ["open"]
    directory.request_rotation()
    eventually(lambda: states(directory) == ["sealed"])
    writer.append(frame(2)).result(20)
    assert states(directory) == ["sealed", "open"]


def test_closing_seals_and_refuses_more(directory: SegmentDirectory, make_writer: Any) -> None:
    writer = make_writer()
    patient = writer.append(frame(1), urgent=False)
    writer.close()
    assert patient.result(0) is None
    assert states(directory) == ["sealed"]
    with pytest.raises(Overloaded, match="shutting down"):
        writer.append(frame(2))


def test_more_than_the_disk_takes_is_refused(make_writer: Any) -> None:
    writer = make_writer(max_pending_bytes=100)
    with pytest.raises(Overloaded, match="faster than the disk"):
        writer.append(b"x" * 101)


@pytest.mark.parametrize("broken", ["write", "fdatasync"])
def test_failed_flush_fails_its_records_and_no_others(
    directory: SegmentDirectory,
    make_writer: Any,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    writer = make_writer()
    writer.append(frame(1)).result(20)
    with monkeypatch.context() as patch:

        def fail(*_: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(os, broken, fail)
        with pytest.raises(InfrastructureError, match="Input/output error"):
            writer.append(frame(2)).result(20)
    writer.append(frame(3)).result(20)
    assert values(directory) == [1.0, 3.0]
    writer.close()
    assert set(states(directory)) == {"sealed"}


def test_two_writers_do_not_touch_each_other(directory: SegmentDirectory, make_writer: Any) -> None:
    for n, writer in enumerate([make_writer(), make_writer()]):
        writer.append(frame(n)).result(20)
    assert directory.recover() == []
    assert states(directory) == ["open", "open"]
    assert sorted(values(directory)) == [0.0, 1.0]


def test_a_log_on_the_same_full_disk_does_not_end_the_writer(
    make_writer: Any, directory: SegmentDirectory, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = make_writer()
    writer.append(frame(1.0)).result(20)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        patch.setattr("towpath.operate.decisions.writer._log.error", full)
        with pytest.raises(StorageFull):
            writer.append(frame(2.0)).result(20)
    writer.append(frame(3.0)).result(20)
    writer.close()
    assert sorted(values(directory)) == [1.0, 3.0]
