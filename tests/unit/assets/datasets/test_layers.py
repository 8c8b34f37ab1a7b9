"""Which rows live, given files in layers, and what is stored under a key."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest

from towpath.assets.datasets import DataFile, Dataset, Schema, scan_manifest, selection_digest
from towpath.assets.datasets.changes.lookup import FILE, find
from towpath.assets.datasets.changes.overlaying import needed
from towpath.assets.datasets.layers import read_live, read_superseded
from towpath.assets.datasets.manifest import Manifest, blank
from towpath.assets.datasets.parquet import encode_buckets, store_blobs


class Visit(Schema):
    visit_id: str
    ward: int
    person: str | None
    size: int


visits = Dataset("visits", schema=Visit, key=("visit_id", "ward"), subject="person", buckets=2)


def rows(*given: tuple[str, str, int]) -> pl.DataFrame:
    full = [(visit, 1, person, size) for visit, person, size in given]
    return pl.DataFrame(full, schema=Visit.polars_schema(), orient="row")


@pytest.fixture
def build(disk_blobs):
    """Return a function that stores files: bucket, layer, role, rows, and how many don't live."""

    def build(*files: tuple[int, int, str, pl.DataFrame, int]) -> Manifest:
        layout, entries = blank(visits), []
        for bucket, layer, role, frame, superseded in files:
            (encoded,) = encode_buckets(layout, {bucket: frame}, role=role, layers={bucket: layer})
            store_blobs(disk_blobs, [encoded.data])
            entries.append(msgspec.structs.replace(encoded.entry, superseded=superseded))
        return layout.with_files(entries)

    return build


def keys(*visits: str) -> pl.DataFrame:
    schema = {"visit_id": pl.String, "ward": pl.Int64}
    return pl.DataFrame([(visit, 1) for visit in visits], schema=schema, orient="row")


def read(frame: pl.DataFrame) -> list[tuple[str, int]]:
    return sorted(frame.select("visit_id", "size").iter_rows())


def test_a_row_lives_unless_a_higher_layer_of_its_bucket_has_its_key(build, disk_blobs):
    version = build(
        (0, 0, "rows", rows(("a", "ann", 0), ("b", "ann", 0), ("c", "ann", 0)), 2),
        (0, 1, "rows", rows(("a", "ann", 1)), 0),
        (0, 1, "deletes", rows(("b", "ann", 0)), 0),
        (1, 0, "rows", rows(("b", "bob", 5)), 0),
    )
    assert read(read_live(disk_blobs, version)) == [("a", 1), ("b", 5), ("c", 0)]
    assert read(read_superseded(disk_blobs, version, version.files)) == [("a", 0), ("b", 0)]
    assert version.rows == 3


def test_layers_that_nothing_is_left_below_are_read_as_well(build, disk_blobs):
    """The lowest layer there is need not be the base."""
    version = build(
        (0, 1, "rows", rows(("a", "ann", 1), ("b", "ann", 1)), 1),
        (0, 2, "rows", rows(("b", "ann", 2)), 0),
    )
    assert read(read_live(disk_blobs, version)) == [("a", 1), ("b", 2)]
    assert read(read_superseded(disk_blobs, version, version.files)) == [("b", 1)]


def test_a_marker_does_not_hide_the_row_of_its_own_layer(build, disk_blobs):
    """A row that changed hands: the marker is about its last owner's, the row is the next one's."""
    version = build(
        (0, 0, "rows", rows(("a", "ann", 0), ("b", "ann", 0)), 1),
        (0, 1, "rows", rows(("a", "bob", 1)), 0),
        (0, 1, "deletes", rows(("a", "ann", 0)), 0),
    )
    assert read(read_live(disk_blobs, version)) == [("a", 1), ("b", 0)]
    assert find(disk_blobs, version, keys("a")).rows["person"].to_list() == ["bob"]


def test_one_file_may_be_in_two_layers(build, disk_blobs):
    """There and back again: the newest rows are those of two layers below."""
    version = build(
        (0, 0, "rows", rows(("a", "ann", 0), ("b", "ann", 0)), 1),
        (0, 1, "rows", rows(("a", "ann", 1), ("c", "ann", 1)), 1),
        (0, 2, "rows", rows(("a", "ann", 2)), 1),
        (0, 3, "rows", rows(("a", "ann", 1), ("c", "ann", 1)), 0),
    )
    version = msgspec.structs.replace(
        version,
        files=tuple(
            msgspec.structs.replace(file, superseded=2) if file.layer == 1 else file
            for file in version.files
        ),
    )
    assert len({file.digest for file in version.files}) == 3
    assert read(read_live(disk_blobs, version)) == [("a", 1), ("b", 0), ("c", 1)]
    found = find(disk_blobs, version, keys("a", "c"))
    assert sorted(found.rows["visit_id"]) == ["a", "c"]
    assert {version.files[place].layer for place in found.rows[FILE]} == {3}


def test_a_lookup_tells_where_rows_live_and_what_ever_was_there(build, disk_blobs):
    version = build(
        (0, 0, "rows", rows(("a", "ann", 0), ("b", "ann", 0), ("z", "ann", 0)), 2),
        (0, 1, "rows", rows(("a", "ann", 1)), 0),
        (0, 1, "deletes", rows(("b", "ann", 0)), 0),
        (1, 0, "rows", rows(("d", "bob", 0)), 0),
    )
    found = find(disk_blobs, version, keys("a", "b", "d", "nowhere"))
    assert read(found.rows) == [("a", 1), ("d", 0)]
    places = [version.files[place] for place in found.rows.sort("visit_id")[FILE]]
    assert [(place.bucket, place.layer) for place in places] == [(0, 1), (1, 0)]
    entries = found.entries.select("visit_id", "__bucket").sort("visit_id").rows()
    assert entries == [("a", 0), ("b", 0), ("d", 1)]
    assert find(disk_blobs, version, keys("q")).rows.is_empty()
    assert find(disk_blobs, version, keys()).entries.is_empty()


def file(bucket: int, layer: int, rows: int, superseded: int, role: str = "rows") -> DataFile:
    return DataFile(
        digest=f"{bucket}{layer}{role}",
        bucket=bucket,
        rows=rows,
        size_bytes=1,
        time_min=None,
        time_max=None,
        layer=layer,
        role=role,
        superseded=superseded,
    )


def test_files_without_effect_are_left_out():
    dead, live, markers = file(0, 0, 3, 3), file(0, 2, 2, 0), file(0, 1, 3, 0, "deletes")
    stained, over = file(1, 0, 3, 1), file(1, 1, 1, 0, "deletes")
    lowest, beside = file(2, 1, 2, 1), file(2, 1, 1, 0, "deletes")
    kept = needed([dead, live, markers, stained, over, lowest, beside])
    assert kept == [live, stained, lowest, over]


def test_a_selection_is_told_apart_by_the_overlays_that_touch_it(build):
    base = (0, 0, "rows", rows(("a", "ann", 0), ("b", "ann", 0)))
    alone = build((*base, 0))
    merged = build((*base, 1), (0, 1, "rows", rows(("a", "ann", 1)), 0))
    deleted = build((*base, 1), (0, 1, "deletes", rows(("a", "ann", 0)), 0))
    beside = build((*base, 0), (1, 0, "rows", rows(("c", "bob", 0)), 0))
    digests = {selection_digest(version) for version in (alone, merged, deleted, beside)}
    assert len(digests) == 4


def test_a_scan_of_layers_is_the_same_by_any_engine(build, disk_blobs):
    version = build(
        (0, 0, "rows", rows(*((f"v{n:03}", "ann", n) for n in range(300))), 100),
        (0, 1, "rows", rows(*((f"v{n:03}", "ann", -n) for n in range(0, 300, 3))), 0),
        (1, 0, "rows", rows(*((f"w{n:03}", "bob", n) for n in range(50))), 0),
    )
    digest = disk_blobs.put(version.encode())
    expected = sum(-n if n % 3 == 0 else n for n in range(300)) + sum(range(50))
    for engine in ("in-memory", "streaming"):
        frame = scan_manifest(disk_blobs, digest)
        assert frame.select(pl.col("size").sum()).collect(engine=engine).item() == expected
        assert frame.filter(pl.col("size") < 0).collect(engine=engine).height == 99
        assert frame.select("person").collect(engine=engine).height == 350
