"""kill -9 of writers, compactors and erasers: nothing durable is lost, nothing appears twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("killed.py")
GONE = "aa" * 16


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_everything_a_killed_writer_confirmed_is_there_once(bench: Any, tmp_path: Path) -> None:
    confirmed: list[str] = []
    for _ in range(2):
        with start(tmp_path, "append") as writer:
            for _ in range(300):
                confirmed.append(writer.stdout.readline().strip())
            writer.send_signal(signal.SIGKILL)
            confirmed += [line.strip() for line in writer.stdout if line.endswith("\n")]
            assert writer.wait() == -signal.SIGKILL

    before = bench.log.scan("board").collect()["decision_id"].to_list()
    assert len(set(before)) == len(before)
    assert set(confirmed) <= set(before)

    bench.compact()
    after = bench.log.scan("board").collect()["decision_id"].to_list()
    assert sorted(after) == sorted(before)
    assert bench.directory.sources() == []


def test_torn_record_is_cut_off_and_the_rest_kept(bench: Any, tmp_path: Path) -> None:
    with start(tmp_path, "append") as writer:
        ids = [writer.stdout.readline().strip() for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        ids += [line.strip() for line in writer.stdout if line.endswith("\n")]
    (source,) = bench.directory.sources()
    whole = source.path.read_bytes()
    source.path.write_bytes(whole + b"\x40\x00\x00\x00torn")
    bench.compact()
    found = bench.log.scan("board").collect()["decision_id"].to_list()
    assert set(ids) <= set(found)
    assert bench.directory.sources() == []


@pytest.mark.parametrize(
    "place",
    [
        "before storing",
        "between storing and listing",
        "before cleaning up",
        "before removing raw",
    ],
)
def test_killed_compaction_neither_loses_nor_doubles(
    bench: Any, tmp_path: Path, place: str
) -> None:
    decisions = [bench.decision(hours=n) for n in range(5)]
    bench.write(*decisions, bench.label(decisions[0], 1))
    bench.seal()

    with start(tmp_path, "compact", place) as compactor:
        assert compactor.stdout.read() == ""
        assert compactor.wait() == -signal.SIGKILL

    def ids() -> list[str]:
        return sorted(bench.log.scan("board").collect()["decision_id"])

    assert ids() == [decision.decision_id for decision in decisions]
    assert bench.log.count("board") == 5
    bench.compact()
    assert ids() == [decision.decision_id for decision in decisions]
    assert bench.log.scan_labelled("board").collect().height == 1
    assert bench.directory.sources() == []
    with bench.ledger.read() as tx:
        listed = {segment.digest for segment in tx.segments.list()}
    assert set(bench.blobs.walk()) == listed


@pytest.mark.parametrize(
    "place",
    [
        "before storing",
        "between storing and listing",
        "before cleaning up",
        "amid cleaning up",
    ],
)
def test_killed_erasure_is_finished_by_the_next(bench: Any, tmp_path: Path, place: str) -> None:
    gone = [bench.decision(hours=n, subject=GONE) for n in range(3)]
    stays = [bench.decision(hours=n, subject="bb" * 16) for n in range(3)]
    bench.write(*gone, *stays, *[bench.label(d, 1) for d in (*gone, *stays)])
    bench.compact()

    with start(tmp_path, "erase", place) as eraser:
        assert eraser.stdout.read() == ""
        assert eraser.wait() == -signal.SIGKILL

    bench.log.erase_subjects([GONE])
    assert bench.log.holdings(GONE).decisions == 0
    assert bench.log.scan_labelled("board").collect().height == 3
    with bench.ledger.read() as tx:
        listed = {segment.digest for segment in tx.segments.list()}
    assert set(bench.blobs.walk()) == listed
