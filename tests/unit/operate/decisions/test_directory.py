"""The folder of raw segments: its name, its locks, and what the dead left behind."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from towpath.operate.decisions import Label, SegmentDirectory, encode_frame
from towpath.operate.decisions.frames import HEADER

if TYPE_CHECKING:
    from pathlib import Path

FRAME = encode_frame(Label(decision_id="0192", value=1, at_us=1, recorded_us=1))


@pytest.fixture
def directory(tmp_path: Path) -> SegmentDirectory:
    return SegmentDirectory(tmp_path / "decisions")


def test_folder_is_private_and_keeps_its_id(tmp_path: Path) -> None:
    path = tmp_path / "decisions"
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: SegmentDirectory(path).id, range(16)))
    assert len(ids) == 1
    assert SegmentDirectory(path).id in ids
    assert path.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.iterdir()] == ["id"]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (HEADER + FRAME, HEADER + FRAME),
        (HEADER + FRAME + FRAME[:9], HEADER + FRAME),
        (HEADER + FRAME + b"\0" * 100, HEADER + FRAME),
        (HEADER + FRAME[:-1], None),
        (HEADER, None),
        (HEADER[:4], None),
        (b"", None),
    ],
)
def test_segment_of_a_dead_writer_is_cut_to_whole_records_and_sealed(
    directory: SegmentDirectory, content: bytes, kept: bytes | None
) -> None:
    left = directory.path / "0192.open"
    left.write_bytes(content)
    recovered = directory.recover()
    assert not left.exists()
    assert [source.path.read_bytes() for source in recovered] == ([] if kept is None else [kept])
    assert [source.id for source in directory.sources()] == [s.id for s in recovered]


def test_segment_of_a_living_writer_is_left_alone(directory: SegmentDirectory) -> None:
    path = directory.path / "0192.open"
    path.write_bytes(HEADER + FRAME + b"half a fra")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert directory.recover() == []
    assert len(directory.recover()) == 1


def test_half_made_segment_is_removed_once_it_is_old(directory: SegmentDirectory) -> None:
    young, old = directory.path / "01.new", directory.path / "02.new"
    young.touch()
    old.touch()
    long_ago = time.time() - 3600
    os.utime(old, (long_ago, long_ago))
    directory.recover()
    assert young.exists()
    assert not old.exists()


def test_every_request_to_rotate_changes_the_mark(directory: SegmentDirectory) -> None:
    marks = [directory.rotation_mark()]
    for _ in range(50):
        directory.request_rotation()
        marks.append(directory.rotation_mark())
    assert len(set(marks)) == len(marks)


def test_one_at_a_time_has_the_folder_to_itself(directory: SegmentDirectory) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(number: int) -> None:
        with SegmentDirectory(directory.path).exclusively():
            inside.append(number)
            most.append(len(inside))
            threading.Event().wait(0.001)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(12)))
    assert max(most) == 1
