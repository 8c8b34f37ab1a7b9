"""Traffic counts: what the log holds, counted once for everybody."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from towpath.operate.decisions import (
    Compactor,
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.server import DecisionTraffic

if TYPE_CHECKING:
    from pathlib import Path

    from seeded_home import SeededHome

    from towpath.ledger import Ledger
    from towpath.operate.decisions import DecisionLog
    from towpath.storage.blobs import BlobStore

DAY_S = 86_400


def test_counts_add_up_to_the_decisions(home: SeededHome):
    counted = home.services.traffic.count("delay-board", bin_s=DAY_S)
    assert sum(one.count for one in counted) == len(home.decision_ids)
    assert [one.at for one in counted] == sorted(one.at for one in counted)
    models = Counter[str]()
    for one in counted:
        models[one.model] += one.count
    assert {"model:late@1", "model:late@2"} <= set(models)


def test_bins_are_cut_at_whole_spans_of_event_time(home: SeededHome):
    hours = home.services.traffic.count("delay-board", bin_s=3600)
    assert all(one.at.minute == 0 for one in hours)
    assert len(hours) > len(home.services.traffic.count("delay-board", bin_s=DAY_S))


def test_an_unknown_service_has_no_traffic(home: SeededHome):
    assert home.services.traffic.count("nothing", bin_s=DAY_S) == []


class CountedLog:
    """A decision log that counts how often it is read."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self.reads = self.files = 0

    def filewise(self, *args: object, **options: object) -> object:
        self.reads += 1
        found = self._log.filewise(*args, **options)
        self.files += len(found.read)
        return found


def test_many_pages_are_one_count(home: SeededHome):
    log = CountedLog(home.services.traffic._decisions)
    traffic = DecisionTraffic(log, max_age_s=3600)
    first = traffic.count("delay-board", bin_s=DAY_S)
    assert traffic.count("delay-board", bin_s=DAY_S) is first
    traffic.count("delay-board", bin_s=3600)
    assert log.reads == 2


def test_files_are_counted_once_and_samples_by_what_they_stand_for(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path
):
    ids = DecisionIds()

    def write(kept: float, count: int) -> None:
        writer = SegmentWriter(SegmentDirectory(tmp_path))
        for _ in range(count):
            one = Decision(
                decision_id=ids.next(),
                at_us=1_362_096_000_000_000,
                recorded_us=0,
                service="board",
                release="release:production@1",
                model="model:late@1",
                arm="champion",
                kept=kept,
            )
            writer.append(encode_frame(one))
        writer.close()
        Compactor(sqlite_ledger, disk_blobs, tmp_path).compact()

    log = CountedLog(SegmentDecisionLog(sqlite_ledger, disk_blobs, tmp_path))
    traffic = DecisionTraffic(log, max_age_s=0)
    write(0.1, 3)
    assert [one.count for one in traffic.count("board", bin_s=DAY_S)] == [30]
    write(1.0, 2)
    assert [one.count for one in traffic.count("board", bin_s=DAY_S)] == [32]
    assert log.files == 2
