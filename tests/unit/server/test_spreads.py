"""A monitor's page shows its newest window beside the training rows, and nothing that is no share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from towpath.assets.models.reference import build_reference
from towpath.core.errors import NotFound
from towpath.operate.monitoring import Drift
from towpath.operate.monitoring.counts import count_rows
from towpath.operate.monitoring.drift import judge_drift
from towpath.operate.monitoring.findings import Window
from towpath.server.views.spreads import spreads

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def watched(sqlite_ledger: Ledger, disk_blobs: BlobStore) -> str:
    """A model whose reference is stored, and a monitor that has judged one day."""
    rng = np.random.default_rng(1)
    rows = pl.DataFrame(
        {"wind": rng.normal(10, 3, 3000), "origin": rng.choice(["EWR", "JFK"], 3000)}
    )
    reference = build_reference(rows, columns=["wind", "origin"])
    live = pl.DataFrame({"wind": rng.normal(13, 3, 400), "origin": ["JFK"] * 399 + [None]})
    counts = count_rows(reference, live, pl.Series(np.ones(400)), names=["wind", "origin"])
    window = Window(since=START, until=START + timedelta(days=1))
    finding = judge_drift(Drift(), reference, counts, window)
    body = {"reference": disk_blobs.put(reference.encode())}
    with sqlite_ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        model = tx.versions.commit("model", "late", digest="0" * 64, body=body, state="approved")
        run = tx.runs.start(kind="monitor", name="board.drift", project="flights")
        status = {"model": str(model.ref), "run": run.id, "spread": finding.spread}
        tx.intents.put("monitor", "board.drift", project="flights", spec={}, status=status)
    return body["reference"]


def test_shares_of_both_sides_are_side_by_side(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, watched: str
):
    del watched
    found = {one.column: one for one in spreads(sqlite_ledger, disk_blobs, "board.drift")}
    wind, origin = found["wind"], found["origin"]
    assert sum(bar.before for bar in wind.bars) == pytest.approx(1, abs=0.02)
    assert sum(bar.after for bar in wind.bars) == pytest.approx(1, abs=0.02)
    assert wind.bars[0].since is None
    assert wind.bars[-2].until is None
    assert wind.bars[-2].after > 2 * wind.bars[-2].before
    assert [bar.label for bar in origin.bars][-1] == "missing"
    jfk = next(bar for bar in origin.bars if bar.label == "JFK")
    assert jfk.before == pytest.approx(0.5, abs=0.05)
    assert jfk.after == pytest.approx(1.0, abs=0.01)


def test_a_model_that_was_deleted_shows_nothing(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, watched: str
):
    disk_blobs.delete(watched)
    assert spreads(sqlite_ledger, disk_blobs, "board.drift") == []


def test_nobodys_monitor_is_not_found(sqlite_ledger: Ledger, disk_blobs: BlobStore):
    with pytest.raises(NotFound):
        spreads(sqlite_ledger, disk_blobs, "board.drift")
