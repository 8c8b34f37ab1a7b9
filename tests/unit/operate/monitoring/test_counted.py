"""Files are counted once, when they are sealed; what is replaced is counted again, and nothing else."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from towpath.operate.monitoring import Drift
from towpath.operate.monitoring.counted import WINDOWS, purge_counts
from towpath.operate.monitoring.reconciler import MonitorReconciler


class Watched:
    """The decision log, and how many rows of sealed files were read of it, file by file."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def filewise(self, *args: Any, **named: Any) -> Any:
        found = self._log.filewise(*args, **named)
        self.read += sum(rows.height for rows in found.read.values())
        return found


@pytest.fixture
def log(production: Any) -> Watched:
    return Watched(production.decisions)


@pytest.fixture
def reconciler(production: Any, log: Watched) -> MonitorReconciler:
    return MonitorReconciler(
        production.ledger, production.blobs, log, production.releases, production.clock
    )


@pytest.fixture
def watching(production: Any) -> Any:
    """A model that serves, and a monitor that watches it."""
    production.deploy(production.model())
    production.put("monitor", "board.drift", kind="drift", **dataclasses.asdict(Drift()))
    return production


def test_a_file_is_read_once_and_the_windows_end_reads_only_what_is_new(
    watching: Any, log: Watched, reconciler: MonitorReconciler
):
    watching.serve(120, hours=10)
    watching.seal()
    row = watching.step(reconciler)
    assert log.read == 120
    assert len(row.status["counted"]) >= 1
    watching.serve(80, hours=14)
    watching.clock.advance(timedelta(minutes=5))
    row = watching.step(reconciler)
    assert log.read == 120
    assert row.status["windows"][0]["rows"] == 200
    assert row.status["counted"] == {}
    assert list(watching.blobs.area(WINDOWS).walk()) == []


def test_counting_on_the_way_finds_what_counting_at_the_end_does(
    watching: Any, reconciler: MonitorReconciler
):
    for hours in (6, 6, 12):
        watching.serve(90, hours=hours, shift=0.4)
        watching.seal()
        often = watching.step(reconciler)
    watching.clock.advance(timedelta(minutes=5))
    often = watching.step(reconciler)
    watching.put("monitor", "board.once", **{**often.spec, "name": "once"})
    watching.step(reconciler, times=2)
    with watching.ledger.read() as tx:
        once = tx.intents.get("monitor", "board.once")
    assert once.status["windows"][0]["rows"] == 270
    assert once.status["levels"] == pytest.approx(often.status["levels"])


def test_an_erasure_is_counted_again_without_the_subject(
    watching: Any, log: Watched, reconciler: MonitorReconciler
):
    watching.serve(150, hours=10)
    watching.seal()
    watching.step(reconciler)
    rows = log.scan("board", columns=["subject"]).collect()
    subject = rows["subject"][0]
    assert purge_counts(watching.blobs) >= 1
    watching.step(reconciler)
    watching.decisions.erase_subjects([subject])
    watching.serve(50, hours=14)
    watching.clock.advance(timedelta(minutes=5))
    row = watching.step(reconciler)
    assert row.status["windows"][0]["rows"] == 199
    assert list(watching.blobs.area(WINDOWS).walk()) == []


def test_lost_counts_are_counted_again(watching: Any, log: Watched, reconciler: MonitorReconciler):
    watching.serve(120, hours=23)
    watching.seal()
    watching.step(reconciler)
    purge_counts(watching.blobs)
    watching.clock.advance(timedelta(hours=2))
    row = watching.step(reconciler)
    assert row.status["windows"][0]["rows"] == 120
    assert log.read == 240
