"""Scans read verified bytes, or say which blob is not what it was."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema, scan_manifest
from towpath.core.errors import CorruptBlob, IntegrityError, NotFound


class Reading(Schema):
    origin: str
    observed: datetime
    wind: float | None


weather = Dataset("weather", schema=Reading, key=("origin", "observed"), time="observed")
rows = pl.DataFrame(
    {
        "origin": ["EWR", "JFK", "LGA"],
        "observed": [datetime(2013, 1, day, tzinfo=UTC) for day in (1, 2, 3)],
        "wind": [1.0, None, 3.0],
    }
)


@pytest.fixture
def version(sqlite_ledger, disk_blobs, keyring):
    store = ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)
    return store.commit(weather, rows, project="p")


def test_a_manifest_is_enough_to_read_a_version(version, disk_blobs):
    frame = scan_manifest(disk_blobs, version.body["manifest"])
    assert frame.collect_schema() == Reading.polars_schema()
    assert frame.collect().equals(rows)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_filters_projections_and_slices_are_pushed_down_and_right(version, disk_blobs, engine):
    frame = scan_manifest(disk_blobs, version.body["manifest"])
    calm = frame.filter(pl.col("wind").is_null()).select("origin")
    assert calm.collect(engine=engine)["origin"].to_list() == ["JFK"]
    assert frame.head(2).collect(engine=engine).height == 2
    assert frame.select(pl.len()).collect(engine=engine).item() == 3
    assert frame.filter(pl.col("wind") > 99).collect(engine=engine).equals(rows.clear())


def test_a_window_without_rows_is_an_empty_table(version, disk_blobs):
    later = datetime(2020, 1, 1, tzinfo=UTC)
    frame = scan_manifest(disk_blobs, version.body["manifest"], columns=["wind"], since=later)
    assert frame.collect().equals(rows.select("wind").clear())


def test_a_changed_byte_is_found_and_named(version, disk_blobs, tmp_path):
    (stored,) = [
        path for path in tmp_path.glob("blobs/sha256/*/*") if path.read_bytes()[:4] == b"PAR1"
    ]
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(data)
    with pytest.raises(CorruptBlob, match=stored.name):
        scan_manifest(disk_blobs, version.body["manifest"]).collect()


def test_a_blob_that_is_no_manifest_is_named(disk_blobs):
    digest = disk_blobs.put(b"not a manifest")
    with pytest.raises(IntegrityError, match=digest):
        scan_manifest(disk_blobs, digest)


def test_a_manifest_that_is_gone_is_named(disk_blobs):
    with pytest.raises(NotFound, match="0000"):
        scan_manifest(disk_blobs, "0" * 64)
