"""The scan finds a value wherever and however it was left behind, and nowhere else."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import zipfile
from contextlib import closing

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.storage.blobs import open_blobs
from towpath.trace.erasure.verification import HomeScanner, Needle

SUBJECT = "N14228"
OTHERS = ["N24211", "N619AA", "N804JB"]


def _parquet(values: list[str], **options: object) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"n": list(range(len(values))), "tail": values})
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def _nested(values: list[str]) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"rows": [[{"tail": value, "legs": [value, None]}] for value in values]})
    pq.write_table(table, sink, compression="snappy")
    return sink.getvalue()


def _arrow(values: list[str], *, stream: bool, compression: str | None) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"tail": pa.array(values).dictionary_encode()})
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _zip(values: list[str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.json.gz", gzip.compress(json.dumps(values).encode()))
    return sink.getvalue()


def _zstd(values: list[str]) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({"tail": values}).write_ipc_stream(sink)
    return pa.compress(sink.getvalue(), codec="zstd", asbytes=True)


FORMATS = {
    "parquet-dictionary": _parquet,
    "parquet-plain": lambda v: _parquet(v, use_dictionary=False, write_statistics=False),
    "parquet-nested": _nested,
    "arrow-file": lambda v: _arrow(v, stream=False, compression="lz4"),
    "arrow-stream": lambda v: _arrow(v, stream=True, compression="zstd"),
    "arrow-bare": lambda v: _arrow(v, stream=True, compression=None),
    "json": lambda v: json.dumps({"rows": v}).encode(),
    "json-escaped": lambda v: b'["' + "".join(f"\\u{ord(c):04x}" for c in v[-1]).encode() + b'"]',
    "gzip": lambda v: gzip.compress(",".join(v).encode()),
    "bzip2": lambda v: bz2.compress(",".join(v).encode()),
    "xz": lambda v: lzma.compress(",".join(v).encode()),
    "zstd": _zstd,
    "zip": _zip,
    "numpy": lambda v: np.array(v).tobytes() + b"\xff",
    "utf-16": lambda v: " ".join(v).encode("utf-16"),
    "torn": lambda v: b"\x00\xfe\x93" + v[-1].encode() + b"\x07\xff",
}


@pytest.mark.parametrize("form", FORMATS)
def test_finds_the_value_in_every_format(tmp_path, form):
    (tmp_path / "clean").write_bytes(FORMATS[form](OTHERS))
    assert HomeScanner(tmp_path).scan(SUBJECT).residue == ()

    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "left").write_bytes(FORMATS[form]([*OTHERS, SUBJECT]))
    report = HomeScanner(tmp_path).scan(SUBJECT)
    assert {residue.place for residue in report.residue} == {"deep/left"}
    assert report.places == 2


def test_reads_dictionary_entries_that_no_row_uses(tmp_path):
    table = pa.table(
        {"tail": pa.DictionaryArray.from_arrays(pa.array([0, 0]), ["N24211", SUBJECT])}
    )
    with pa.ipc.new_file(tmp_path / "f", table.schema) as writer:
        writer.write_table(table)
    assert HomeScanner(tmp_path).scan(SUBJECT).residue


def _database(path, values):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE runs (n INTEGER PRIMARY KEY, error TEXT, body BLOB)")
        rows = [(value, gzip.compress(value.encode())) for value in values]
        connection.executemany("INSERT INTO runs (error, body) VALUES (?, ?)", rows)
        connection.commit()


def test_reads_every_sqlite_cell_even_compressed_ones(tmp_path):
    _database(tmp_path / "t.db", OTHERS)
    assert HomeScanner(tmp_path).scan(SUBJECT).residue == ()
    _database(tmp_path / "u.db", [*OTHERS, f"could not read {SUBJECT}"])
    places = {(r.place, r.where) for r in HomeScanner(tmp_path).scan(SUBJECT).residue}
    assert ("u.db", "sqlite: table runs column error") in places


def test_reads_the_free_pages_of_sqlite(tmp_path):
    _database(tmp_path / "t.db", [*OTHERS, SUBJECT])
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("DELETE FROM runs")
        connection.commit()
    (left,) = HomeScanner(tmp_path).scan(SUBJECT).residue
    assert left.where == "sqlite: raw bytes"


def test_a_longer_word_is_somebody_else(tmp_path):
    (tmp_path / "a.parquet").write_bytes(_parquet(["N142", "N14228X", "AN14228"][1:]))
    (tmp_path / "a.json").write_text('{"tail": "N14228X"}')
    _database(tmp_path / "t.db", ["N14228X"])
    report = HomeScanner(tmp_path).scan(SUBJECT)
    assert report.residue == ()
    assert report.ambiguous > 0


def test_names_of_files_count_and_are_not_repeated(tmp_path):
    (tmp_path / f"log-{SUBJECT}.txt").write_text("nothing")
    (left,) = HomeScanner(tmp_path).scan(SUBJECT).residue
    assert left.where == "text: its name"
    assert SUBJECT not in left.place


def test_numbers_are_compared_as_numbers(tmp_path):
    pq.write_table(pa.table({"person": [1, 40312, 7]}), tmp_path / "p.parquet")
    assert HomeScanner(tmp_path).scan("40312").residue
    assert not HomeScanner(tmp_path).scan("4031").residue


def test_a_file_that_only_looks_like_a_format_is_read_raw(tmp_path):
    (tmp_path / "broken").write_bytes(b"PAR1" + SUBJECT.encode() + b"\xff")
    (left,) = HomeScanner(tmp_path).scan(SUBJECT).residue
    assert left.where == "raw: raw bytes"


class _Tables:
    def tables(self):
        yield "runs", [(1, "fine", None), (2, f"error for {SUBJECT}", b"")]
        yield "tags", [("a", "b")]


def test_reads_stores_that_are_not_below_the_home(tmp_path):
    (tmp_path / "home").mkdir()
    blobs = open_blobs(f"file://{tmp_path}/elsewhere")
    blobs.put(_parquet(OTHERS))
    left = blobs.put(_parquet([SUBJECT]))
    report = HomeScanner(tmp_path / "home", blobs=blobs, database=_Tables()).scan(SUBJECT)
    assert [r.place for r in report.residue] == [f"blob:{left}", "database:runs"]


@given(
    st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=6),
    st.text(max_size=12),
    st.text(max_size=12),
)
def test_a_whole_word_is_always_seen(value, before, after):
    count = Needle(value).count_text(f"{before} {value}\n{after}")
    assert count.whole >= 1


def test_marks_of_the_value_itself_continue_it():
    needle = Needle("jo@x.org")
    assert needle.count_text("from jo@x.org.").whole == 1
    assert needle.count_text("jo@x.org.uk").whole == 0
    assert needle.count_text("an.jo@x.org").whole == 0
    assert needle.count_text("key=jo@x.org, next").whole == 1
    assert "jo@x" not in repr(needle)
