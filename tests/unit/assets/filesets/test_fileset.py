"""What may be declared."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from towpath.assets.datasets import Dataset, Schema
from towpath.assets.filesets import FileSet, holds_files
from towpath.core.errors import InvalidName, InvalidProject


class Scan(Schema):
    patient: str
    taken: datetime | None
    day: date | None
    count: int | None


def test_it_is_a_data_set_of_its_paths() -> None:
    scans = FileSet("scans", attributes=Scan, subject="patient", time=None, buckets=8)
    assert scans.dataset.key_columns == ("path",)
    assert [column.name for column in scans.dataset.columns] == [
        *("path", "digest", "size_bytes", "media_type"),
        *("patient", "taken", "day", "count"),
    ]
    assert scans.dataset is scans.dataset
    assert scans.dataset.buckets == 8
    assert holds_files(scans.dataset)
    assert scans.at(3) == scans.dataset.at(3)


def test_paths_are_personal_where_files_are_about_people() -> None:
    personal = {one.name for one in FileSet("a").dataset.columns if one.personal}
    assert personal == {"digest"}
    scans = FileSet("scans", attributes=Scan, subject="patient")
    personal = {one.name for one in scans.dataset.columns if one.personal}
    assert personal == {"path", "digest", "patient"}


def test_other_data_sets_hold_no_files() -> None:
    assert not holds_files(Dataset("rides", schema=Scan, key="patient"))


class Clash(Schema):
    digest: str


class Bytes(Schema):
    bytes: str


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"attributes": Clash}, "every file set has"),
        ({"attributes": Bytes}, "every file set has"),
        ({"subject": "patient"}, "not in its schema"),
        ({"attributes": Scan, "pattern": "{who}.png"}, "not one of its attributes"),
        ({"attributes": Scan, "pattern": "{path}.png"}, "not one of its attributes"),
        ({"attributes": Scan, "pattern": "{taken}.png"}, "can't be read from a path"),
        ({"attributes": Scan, "time": "patient"}, "not a datetime"),
    ],
)
def test_what_can_not_be_declared(options: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidProject, match=says):
        FileSet("scans", **options)


def test_names_and_patterns_are_checked() -> None:
    with pytest.raises(InvalidName):
        FileSet("Scans!")
    with pytest.raises(InvalidName):
        FileSet("scans", pattern="{")
