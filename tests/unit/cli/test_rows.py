"""Files as people have them, in the types that a schema declares."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from towpath.assets.datasets import Schema
from towpath.cli.rows import read_rows, write_rows
from towpath.core.errors import NotFound, SchemaViolation, UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Visit(Schema):
    """One of each type."""

    ward: str
    at: datetime
    born: date
    beds: int
    weight: float | None
    urgent: bool


HEADER = "ward,at,born,beds,weight,urgent\n"
COLUMNS = Visit.columns()


def read(folder: Path, text: str, name: str = "visits.csv") -> pl.DataFrame:
    file = folder / name
    file.write_text(text)
    return read_rows(file, COLUMNS)


def test_text_becomes_what_the_schema_declares(tmp_path: Path):
    rows = read(tmp_path, HEADER + "007,2024-05-01T12:00:00Z,1970-01-31, 3,61.5,True\n")
    assert rows.schema == Visit.polars_schema()
    assert rows.row(0) == (
        "007",
        datetime(2024, 5, 1, 12, tzinfo=UTC),
        date(1970, 1, 31),
        3,
        61.5,
        True,
    )


@pytest.mark.parametrize(
    "time",
    [
        "2024-05-01T12:00:00Z",
        "2024-05-01 12:00:00",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01T12:00:00.000000Z",
    ],
)
def test_times_may_be_written_in_several_ways(tmp_path: Path, time: str):
    rows = read(tmp_path, HEADER + f"a,{time},1970-01-31,3,,no\n".replace("no", "false"))
    assert rows["at"].to_list() == [datetime(2024, 5, 1, 12, tzinfo=UTC)]


@pytest.mark.parametrize("nothing", ["", "NA"])
def test_what_is_empty_is_missing(tmp_path: Path, nothing: str):
    rows = read(tmp_path, HEADER + f"a,2024-05-01T12:00:00Z,1970-01-31,3,{nothing},0\n")
    assert rows["weight"].to_list() == [None]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (1, "later", "not a time"),
        (2, "31 January", "not a date"),
        (3, "3.5", "not a whole number"),
        (4, "heavy", "not a number"),
        (5, "maybe", "not true or false"),
    ],
)
def test_what_does_not_fit_is_named_by_column_and_line(
    tmp_path: Path, column: int, value: str, said: str
):
    good = ["a", "2024-05-01T12:00:00Z", "1970-01-31", "3", "61.5", "true"]
    bad = [*good[:column], value, *good[column + 1 :]]
    with pytest.raises(SchemaViolation) as caught:
        read(tmp_path, HEADER + "\n".join(map(",".join, [good, bad, bad])) + "\n")
    name = COLUMNS[column].name
    assert f"column {name!r}" in caught.value.message
    assert f"{said}" in caught.value.message
    assert "2 of 3 rows, first in row 1 (line 3)" in caught.value.message
    assert value not in str(caught.value), "a value may be personal"


def test_columns_that_are_not_declared_are_left_for_the_data_set_to_refuse(tmp_path: Path):
    assert "extra" in read(tmp_path, "ward,extra\na,b\n").columns


def test_json_lines_are_read_in_the_same_types(tmp_path: Path):
    line = '{"ward":"a","at":"2024-05-01T12:00:00Z","born":"1970-01-31","beds":3,"weight":null,"urgent":true}'
    rows = read(tmp_path, line + "\n", "visits.jsonl")
    assert rows["beds"].to_list() == [3]
    assert rows["at"].to_list() == [datetime(2024, 5, 1, 12, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("x.csv", b"", SchemaViolation),
        ("x.csv", b"ward\n\xff\xfe\n", SchemaViolation),
        ("x.csv", b"ward,at\na,b,c,d\n", SchemaViolation),
        ("x.jsonl", b"{", SchemaViolation),
        ("x.parquet", b"PAR1 and then nothing", SchemaViolation),
        ("x.xlsx", b"PK", UsageError),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes, error: type[Exception]):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(error, match=name):
        read_rows(file, COLUMNS)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(NotFound, match=r"nothing\.csv"):
        read_rows(tmp_path / "nothing.csv", COLUMNS)


class Picture(Schema):
    """Something with bytes in it."""

    name: str
    pixels: bytes | None


@pytest.mark.parametrize("name", ["pictures.csv", "pictures.jsonl", "pictures.parquet"])
def test_bytes_are_read_as_they_were_written(tmp_path: Path, name: str):
    rows = pl.DataFrame(
        {"name": ["a", "b"], "pixels": [b"\x00\xff,\n", None]}, schema=Picture.polars_schema()
    )
    write_rows(rows, tmp_path / name)
    assert read_rows(tmp_path / name, Picture.columns()).equals(rows)
