"""The compactor as a reconciler, and how it keeps files few and large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.ledger.controllers import ControllerLoop
from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)

if TYPE_CHECKING:
    from pathlib import Path


def decision(name: str, **fields: Any) -> Decision:
    values: dict[str, Any] = {
        "decision_id": name,
        "at_us": 1_362_096_000_000_000,
        "recorded_us": 1,
        "service": "board",
        "release": "release:production@1",
        "model": "model:late@1",
        "arm": "champion",
        "inputs": {"distance": 1.0},
    }
    return Decision(**(values | fields))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions"


def write(path: Path, *decisions: Decision) -> None:
    writer = SegmentWriter(SegmentDirectory(path))
    writer.append(b"".join(map(encode_frame, decisions))).result(20)
    writer.close()


def test_reconciler_compacts_and_stays_due(sqlite_ledger: Any, disk_blobs: Any, path: Path) -> None:
    compactor = Compactor(sqlite_ledger, disk_blobs, path, every_s=0)
    with sqlite_ledger.write() as tx:
        compactor.declare(tx)
    write(path, decision(DecisionIds().next()))
    loop = ControllerLoop(sqlite_ledger, [compactor], owner="test")
    assert loop.step()
    assert SegmentDirectory(path).sources() == []
    with sqlite_ledger.read() as tx:
        (row,) = tx.intents.list("decision_log")
        assert [segment.rows for segment in tx.segments.list("decisions/board")] == [1]
    assert row.phase == "running"
    assert row.due_at is not None


def test_folder_of_another_machine_is_left_to_it(
    sqlite_ledger: Any, disk_blobs: Any, tmp_path: Path
) -> None:
    there = Compactor(sqlite_ledger, disk_blobs, tmp_path / "there")
    with sqlite_ledger.write() as tx:
        there.declare(tx)
    write(tmp_path / "there", decision(DecisionIds().next()))
    here = Compactor(sqlite_ledger, disk_blobs, tmp_path / "here", every_s=60)
    assert ControllerLoop(sqlite_ledger, [here], owner="test").step()
    assert len(SegmentDirectory(tmp_path / "there").sources()) == 1


def test_rows_of_models_with_other_inputs_stay_apart(
    sqlite_ledger: Any, disk_blobs: Any, path: Path
) -> None:
    ids = DecisionIds()
    compactor = Compactor(sqlite_ledger, disk_blobs, path)
    for n in range(8):
        inputs = {"distance": None} if n % 2 else {"distance": 1, "wind": 2.0}
        write(path, decision(ids.next(), inputs=inputs), decision(ids.next(), inputs=inputs))
        compactor.compact()
    for n in range(8):
        write(path, decision(ids.next(), inputs={"distance": float(n)}))
        compactor.compact()
    with sqlite_ledger.read() as tx:
        assert len(tx.segments.list()) < 16
    log = SegmentDecisionLog(sqlite_ledger, disk_blobs, path)
    rows = log.scan("board", columns=["decision_id"]).collect()["decision_id"]
    shapes = [tuple(log.find(name).inputs) for name in sorted(rows)]
    assert shapes[:4] == [("distance", "wind")] * 2 + [("distance",)] * 2
    assert len(shapes) == 24


def test_damaged_segment_is_reported_and_does_not_stop_the_others(
    sqlite_ledger: Any, disk_blobs: Any, path: Path
) -> None:
    ids = DecisionIds()
    write(path, decision(ids.next()), decision(ids.next()))
    (bad,) = SegmentDirectory(path).sources()
    write(path, decision(ids.next()))
    data = bytearray(bad.path.read_bytes())
    data[-3] ^= 0xFF
    bad.path.write_bytes(data)
    done = Compactor(sqlite_ledger, disk_blobs, path).compact()
    assert done.damaged == (bad.id,)
    assert [source.id for source in SegmentDirectory(path).sources()] == [bad.id]
    log = SegmentDecisionLog(sqlite_ledger, disk_blobs, path)
    assert log.count("board") == 2
