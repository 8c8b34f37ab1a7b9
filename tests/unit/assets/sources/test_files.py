"""Files: found by pattern, read by ending, and named without quoting what is in them."""

from __future__ import annotations

import gzip
import io
import os
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from towpath.assets.datasets import Column
from towpath.assets.sources import Files, Reading
from towpath.core.errors import InvalidProject, NotFound, SchemaViolation, Unavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (Column(name="id", type="int64"), Column(name="name", type="string"))


def read(source: Files, folder: Path, **options: Any) -> pl.DataFrame:
    reading = Reading(columns=COLUMNS, folder=folder, **options)
    return pl.concat([one.rows for one in source.read(reading) if one.rows.height])


def test_patterns_reach_into_folders(tmp_path: Path):
    for place in ("b/2024/x.csv", "a/2023/x.csv", "a/2023/y.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(f"id,name\n{len(place)},{place}\n")
    found = read(Files("**/*.csv"), tmp_path)["name"].to_list()
    assert found == ["a/2023/x.csv", "b/2024/x.csv"], "in order of their names"
    assert read(Files([f"{tmp_path}/b/*/x.csv"]), tmp_path).height == 1


def test_a_name_may_look_like_a_pattern(tmp_path: Path):
    (tmp_path / "data[1].csv").write_text("id,name\n1,a\n")
    assert read(Files("data[1].csv"), tmp_path).height == 1


def test_a_path_must_be_there_and_a_pattern_may_match_nothing(tmp_path: Path):
    with pytest.raises(NotFound, match=r"there is no file '.*nothing\.csv'"):
        read(Files("nothing.csv"), tmp_path)
    batches = list(Files("*.csv").read(Reading(columns=COLUMNS, folder=tmp_path)))
    assert [one.rows.height for one in batches] == [0]


def test_a_file_that_changed_is_read_whole_again(tmp_path: Path):
    (tmp_path / "x.csv").write_text("id,name\n1,a\n")
    reading = Reading(columns=COLUMNS, folder=tmp_path)
    *_, last = Files("*.csv").read(reading)
    stat = (tmp_path / "x.csv").stat()
    (tmp_path / "x.csv").write_text("id,name\n1,b\n")
    os.utime(tmp_path / "x.csv", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert read(Files("*.csv"), tmp_path, after=last.position)["name"].to_list() == ["b"]


def test_files_that_are_gone_are_forgotten(tmp_path: Path):
    positions = []
    for number in range(3):
        (tmp_path / f"x{number}.csv").write_text("id,name\n1,a\n")
    reading = Reading(columns=COLUMNS, folder=tmp_path)
    *_, last = Files("*.csv").read(reading)
    (tmp_path / "x0.csv").unlink()
    *_, after = Files("*.csv").read(Reading(columns=COLUMNS, folder=tmp_path, after=last.position))
    positions = [len(one.position["seen"]) for one in (last, after)]
    assert positions[1] < positions[0]


def test_the_ending_says_what_it_is_unless_told(tmp_path: Path):
    (tmp_path / "export").write_text("id\tname\n1\ta b\n")
    with pytest.raises(UsageError, match=r"export does not say .*\.csv"):
        read(Files("export"), tmp_path)
    assert read(Files("export", format="tsv"), tmp_path)["name"].to_list() == ["a b"]


@pytest.mark.parametrize(
    "declare",
    [lambda: Files([]), lambda: Files("x.csv", format="xlsx")],
)
def test_what_can_not_be_read_is_refused_when_it_is_declared(declare: Any):
    with pytest.raises(InvalidProject):
        declare()


def test_csv_is_text_as_it_stands(tmp_path: Path):
    text = '\ufeffname,id,more\n"a ""quoted"", b\nline",007,x\nNA,,y\n'
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    rows = read(Files("x.csv"), tmp_path)
    assert rows.select("id", "name").rows() == [("007", 'a "quoted", b\nline'), (None, None)]


def test_an_arrow_stream_is_read_like_a_file(tmp_path: Path):
    table = pl.DataFrame({"id": [1, 2], "name": ["a", "b"]}).to_arrow()
    with (
        pa.OSFile(str(tmp_path / "x.arrows"), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    assert read(Files("x.arrows"), tmp_path).rows() == [(1, "a"), (2, "b")]


def test_only_wanted_columns_are_read(tmp_path: Path):
    wide = pl.DataFrame({"id": [1], "name": ["a"], "secret": ["s"]})
    wide.write_parquet(tmp_path / "x.parquet")
    assert read(Files("x.parquet"), tmp_path).columns == ["id", "name"]
    assert read(Files("x.parquet"), tmp_path, exact=True).columns == ["id", "name", "secret"]


def test_a_day_without_rows_is_no_error(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "b.jsonl").write_text('{"id": 1, "name": "a", "more": {"deep": [1]}}\n')
    assert read(Files("*.jsonl"), tmp_path).rows() == [(1, "a")]


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # a test's name holds the bytes


def parquet() -> bytes:
    file = io.BytesIO()
    pl.DataFrame({"id": [1]}).write_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"", "Empty CSV"),
        ("x.csv", b"id,name\n1,secret\xff\xfe\n", "not UTF-8"),
        ("x.csv", b"id,name\n1,a\n2,secret,b\n", "row 3 has 3 fields, not 2"),
        ("x.csv", b"id,id\n1,secret\n", "two columns 'id'"),
        ("x.csv.gz", b"not packed: secret", "can't be read"),
        ("x.csv.gz", packed(b"id,name\n1,secret\n" * 9)[:-20], "can't be read"),
        ("x.jsonl", b'{"id": 1', "can't be read"),
        ("x.jsonl", b'{"id": 1}\n{"id": "secret"}\n', "changed from number to string"),
        ("x.jsonl", b'{"id": 1.25}\n', "convert JSON to int64"),
        ("x.parquet", b"PAR1secretPAR1", "can't be read"),
        ("x.arrow", b"secret secret", "can't be read"),
        ("x.parquet.gz", packed(parquet()), "packed parquet"),
    ],
)
def test_a_broken_file_is_named_and_not_quoted(
    tmp_path: Path, name: str, content: bytes, said: str
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((SchemaViolation, UsageError)) as caught:
        read(Files(name), tmp_path)
    assert name in caught.value.message
    assert said in caught.value.message
    assert "secret" not in str(caught.value)
    assert "1.25" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_unavailable():
    address = "s3://nowhere/x.parquet?endpoint=http://127.0.0.1:1&access_key_id=a&region=r"
    source = Files(address + "&secret_access_key=${S}")
    with pytest.raises(Unavailable, match=r"s3://nowhere/x\.parquet"):
        next(iter(source.read(Reading(columns=COLUMNS, environ={"S": "hidden"}))))
    with pytest.raises(UsageError, match="unknown parameter 'regoin'"):
        next(iter(Files("s3://b/x.csv?regoin=r").read(Reading(columns=COLUMNS))))
