"""The manifest's bytes are a format: what was written once must be read for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from towpath.assets.datasets import DataFile, Dataset, Schema, selection_digest
from towpath.assets.datasets.manifest import Manifest, blank, decode
from towpath.core.digests import digest_bytes
from towpath.core.errors import IntegrityError

GOLDEN = Path(__file__).parent / "golden" / "manifest-1.json"
GOLDEN_2 = Path(__file__).parent / "golden" / "manifest-2.json"
DAY = 86_400_000_000


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str | None
    miles: float | None


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)


def file(name: str, bucket: int | None, days: tuple[int, int] | None) -> DataFile:
    since, until = (None, None) if days is None else (days[0] * DAY, days[1] * DAY)
    return DataFile(
        digest=digest_bytes(name.encode()),
        bucket=bucket,
        rows=10,
        size_bytes=1000,
        time_min=since,
        time_max=until,
    )


def manifest(*files: DataFile) -> Manifest:
    return blank(rides).with_files(list(files))


def day(number: int) -> datetime:
    return datetime(1970, 1, 1 + number, tzinfo=UTC)


def test_the_format_is_what_the_golden_file_says():
    written = manifest(file("b", 2, (0, 1)), file("a", None, (1, 2)), file("c", 2, (2, 3)))
    assert written.encode() == GOLDEN.read_bytes().rstrip()


def test_the_golden_file_reads_back_and_encodes_to_itself():
    data = GOLDEN.read_bytes().rstrip()
    assert decode(data, digest=digest_bytes(data)).encode() == data


def layered() -> Manifest:
    base = replace(file("b", 2, (0, 1)), superseded=4)
    newer = replace(file("n", 2, (5, 6)), layer=1)
    gone = replace(file("g", 2, None), layer=1, role="deletes", rows=3)
    return manifest(newer, gone, base, file("a", None, (1, 2)))


def test_layers_are_written_as_format_2():
    assert layered().encode() == GOLDEN_2.read_bytes().rstrip()
    assert decode(layered().encode(), digest="0" * 64) == layered()


def test_what_needs_no_layers_stays_format_1():
    """So its digest stays, and a Towpath of before reads it."""
    assert manifest(file("a", 0, (0, 1))).format == 1
    assert layered().format == 2
    assert layered().with_files([file("a", 0, (0, 1))]).format == 1


def test_bytes_make_a_table_format_2():
    class Photo(Schema):
        photo_id: str
        image: bytes | None

    assert blank(Dataset("photos", schema=Photo, key="photo_id")).with_files([]).format == 2


def test_superseded_rows_and_markers_are_no_rows_of_the_version():
    assert layered().rows == 10 - 4 + 10 + 10
    assert layered().layered
    assert not manifest(file("a", 0, (0, 1))).layered


def test_a_window_brings_the_overlays_over_its_files():
    """Newer rows outside the window still take the place of older ones inside."""
    version = layered()
    inside = version.overlapping(0, 2 * DAY)
    assert [one.layer for one in inside if one.bucket == 2] == [0]
    assert {(one.layer, one.role) for one in version.above(inside)} == {(1, "rows"), (1, "deletes")}
    assert version.above(version.overlapping(4 * DAY, None)) == [], "nothing is over the top"


def test_files_are_ordered_whatever_order_they_came_in():
    one, two = file("a", 0, (0, 1)), file("b", 3, (0, 1))
    assert manifest(one, two).encode() == manifest(two, one).encode()


def test_a_later_format_is_refused_by_number():
    data = GOLDEN.read_bytes().replace(b'"format":1', b'"format":3')
    with pytest.raises(IntegrityError, match="has format 3, and this Towpath reads 1 to 2"):
        decode(data, digest="0" * 64)


def test_bytes_that_are_no_manifest_are_named():
    with pytest.raises(IntegrityError, match="blob ab is not a data set's manifest"):
        decode(b'{"format": "x"}', digest="ab")


def test_windows_leave_out_files_that_cannot_matter():
    early, late, timeless = file("a", 0, (0, 1)), file("b", 0, (2, 3)), file("c", 1, None)
    version = manifest(early, late, timeless)
    assert version.overlapping(2 * DAY, None) == [late, timeless]
    assert version.overlapping(None, 2 * DAY) == [early, timeless]
    assert version.overlapping(1 * DAY, 2 * DAY) == [early, timeless], "bounds: [since, until)"


def test_a_subject_is_looked_for_in_one_bucket():
    files = [file(str(bucket), bucket, (0, 1)) for bucket in range(4)]
    found = manifest(*files, file("nobody", None, (0, 1))).of_subject("N123")
    assert len(found) == 1


def test_equal_rows_have_equal_selection_digests():
    early, late, later = (file(name, 0, (n, n + 1)) for name, n in (("a", 0), ("b", 2), ("c", 4)))
    before, after = manifest(early, late), manifest(early, late, later)
    # A bound that cuts nothing off, and a file outside the window, change nothing.
    assert selection_digest(before) == selection_digest(before, until=day(9))
    assert selection_digest(before) == selection_digest(after, until=day(4))
    assert selection_digest(before, since=day(2)) == selection_digest(
        after, since=day(2), until=day(4)
    )


def test_different_rows_have_different_selection_digests():
    version = manifest(file("a", 0, (0, 10)))
    windows = [(None, None), (day(1), None), (day(2), None), (None, day(5)), (day(1), day(5))]
    digests = {selection_digest(version, since=since, until=until) for since, until in windows}
    assert len(digests) == len(windows)


def test_an_upper_bound_on_the_last_row_cuts_it_off():
    version = manifest(file("a", 0, (0, 10)))
    assert selection_digest(version, until=day(10)) != selection_digest(version)
