"""Files of layouts: mapped as they were written, verified, and never made twice."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import polars as pl
import pytest

from towpath.assets.features.arranging import arrange, nothing
from towpath.assets.features.layout import layout_of, partition_of
from towpath.assets.features.segments import encode_segment, open_segment
from towpath.assets.features.shape import shape_of
from towpath.core.errors import CorruptBlob, IntegrityError, NotFound


@pytest.fixture
def arranged(weather: Any) -> Any:
    reports = weather.reports((1, "JFK", 1, None), (2, "EWR", 0, 3), (3, "JFK", 0, 0))
    return arrange(shape_of(weather.view(created="made")), reports)


def stored(blobs: Any, arranged: Any, maker: str = "run") -> Any:
    encoded = encode_segment(arranged, partition=0, upto=0, maker=maker)
    for data in encoded.files:
        blobs.put(data)
    return encoded.entry


def test_what_is_mapped_is_what_was_written(disk_blobs: Any, arranged: Any) -> None:
    entry = stored(disk_blobs, arranged)
    with ExitStack() as held:
        mapped = open_segment(disk_blobs, arranged.shape, entry, held)

        assert mapped.directory.equals(arranged.directory)
        assert mapped.observations.equals(arranged.observations)
        assert (entry.rows, entry.entities) == (3, 2)
        assert entry.size_bytes == sum(disk_blobs.size_bytes(one) for one in entry.blobs)


def test_a_segment_without_rows_can_be_mapped(disk_blobs: Any, arranged: Any) -> None:
    empty = nothing(arranged.shape)
    with ExitStack() as held:
        mapped = open_segment(disk_blobs, arranged.shape, stored(disk_blobs, empty), held)
        assert mapped.observations.schema == arranged.observations.schema
        assert mapped.rows == 0


def test_two_runs_never_make_the_same_file(arranged: Any) -> None:
    one, other = (encode_segment(arranged, partition=0, upto=0, maker=run) for run in ("a", "b"))
    assert set(one.entry.blobs).isdisjoint(other.entry.blobs)


def test_a_file_that_rotted_is_refused(disk_blobs: Any, arranged: Any, tmp_path: Any) -> None:
    entry = stored(disk_blobs, arranged)
    [path] = tmp_path.rglob(entry.observations)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with ExitStack() as held, pytest.raises(CorruptBlob, match=entry.observations):
        open_segment(disk_blobs, arranged.shape, entry, held)
    disk_blobs.delete(entry.directory)
    with ExitStack() as held, pytest.raises(NotFound, match=entry.directory):
        open_segment(disk_blobs, arranged.shape, entry, held)


def test_partitions_are_the_same_for_ever(weather: Any) -> None:
    entities = pl.DataFrame(
        {
            "origin": ["EWR", "JFK", None, "LGA"],
            "lap": [1, -2, 3, None],
            "day": [weather.at(0).date(), None, weather.at(0).date(), weather.at(9000).date()],
        }
    )
    assert partition_of(entities.select("origin"), 16).tolist() == [8, 8, 0, 3]
    assert partition_of(entities.select("lap"), 16).tolist() == [3, 7, 4, 0]
    assert partition_of(entities.select("day"), 16).tolist() == [14, 0, 14, 10]
    assert partition_of(entities.select("origin", "lap"), 16).tolist() == [14, 15, 0, 0]
    assert partition_of(entities, 1).tolist() == [0, 0, 0, 0]


def test_a_layout_of_a_later_format_is_refused(weather: Any) -> None:
    record = {
        "format": 2,
        "shape": {
            "source": "weather",
            "entity": [["origin", "string"]],
            "time": "observed",
            "created": None,
            "features": [],
            "key": ["report"],
        },
        "history": ["0" * 64],
        "extended": 0,
        "partitions": 1,
        "segments": [],
    }
    with pytest.raises(IntegrityError, match="format 2, and this Towpath reads 1"):
        layout_of(record)
    with pytest.raises(IntegrityError, match="can't be read"):
        layout_of({})
    assert layout_of(record | {"format": 1}).to_json() == record | {"format": 1}
