"""After the demo's erasure nothing is left, says somebody who shares no code with Towpath."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place

if TYPE_CHECKING:
    from towpath.demo.feed import Feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AUDITOR = Path(__file__).parents[2] / "scripts" / "find_residue.py"
OTHERS = ["N24211", "N619AA", "N804JB"]


def audit(folder: Path | str, value: str) -> dict[str, list[str]]:
    """Return what the independent search finds, by file."""
    done = subprocess.run(
        [sys.executable, "-I", str(AUDITOR), str(folder), value],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["files"] > 0
    assert done.returncode == bool(found["residue"])
    return found["residue"]


def parquet(values: list[str], **options: object) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"n": list(range(len(values))), "tailnum": values})
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def nested_parquet(values: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"legs": [[{"tailnum": value}] for value in values]}), sink)
    return sink.getvalue()


def arrow(values: list[str], make: Callable[..., Any], codec: str | None) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"tailnum": pa.array(values).dictionary_encode()})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def numbers(values: list[str]) -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array(values))
    return sink.getvalue()


def zipped(values: list[str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.json.gz", gzip.compress(json.dumps(values).encode()))
    return sink.getvalue()


def text(values: list[str]) -> bytes:
    return " ".join(values).encode()


def escaped(values: list[str]) -> bytes:
    codes = "".join(f"\\u{ord(letter):04x}" for letter in values[-1])
    return f'{{"tailnum": "{codes}"}}'.encode()


LEFTOVERS: dict[str, Callable[[list[str]], bytes]] = {
    "text": text,
    "utf-16": lambda values: " ".join(values).encode("utf-16"),
    "torn": lambda values: b"\xfe\x00\x93" + text(values) + b"\x07\xff",
    "parquet": parquet,
    "parquet-plain": lambda values: parquet(values, use_dictionary=False, write_statistics=False),
    "parquet-nested": nested_parquet,
    "arrow-file": lambda values: arrow(values, pa.ipc.new_file, "lz4"),
    "arrow-stream": lambda values: arrow(values, pa.ipc.new_stream, "zstd"),
    "arrow-bare": lambda values: arrow(values, pa.ipc.new_stream, None),
    "json": lambda values: json.dumps({"rows": values}).encode(),
    "json-escaped": escaped,
    "numpy": numbers,
    "gzip": lambda values: gzip.compress(text(values)),
    "bzip2": lambda values: bz2.compress(text(values)),
    "xz": lambda values: lzma.compress(text(values)),
    "zstd": lambda values: pa.compress(text(values), codec="zstd", asbytes=True),
    "zip": zipped,
}


def plant(folder: Path, values: list[str]) -> set[str]:
    """Leave the last value behind in every form there is, and return the files' names."""
    folder.mkdir()
    for name, make in LEFTOVERS.items():
        (folder / name).write_bytes(make(values))
    for name, sql in {
        "sqlite-cell": "",
        "sqlite-free-page": "DELETE FROM notes",
    }.items():
        with closing(sqlite3.connect(folder / name)) as connection:
            connection.execute("PRAGMA secure_delete=OFF")
            connection.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY, said BLOB)")
            rows = [(gzip.compress(text(values)) if not sql else text(values),)]
            connection.executemany("INSERT INTO notes (said) VALUES (?)", rows)
            connection.execute(sql or "SELECT 1")
            connection.commit()
    return {path.name for path in folder.iterdir()}


def plant_in_log(folder: Path, value: str) -> None:
    """Leave the value in a write-ahead log that was never checkpointed."""
    source = folder.with_name("source.db")
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (said TEXT)")
        connection.execute("INSERT INTO notes VALUES (?)", (value,))
        connection.commit()
        (folder / "copy.db-wal").write_bytes(source.with_name("source.db-wal").read_bytes())


def test_nothing_of_the_aeroplane_is_left(told: Any, withdrawn: str):
    assert audit(told.copy, withdrawn) == {}


def test_the_search_does_see_the_aeroplanes_that_stayed(told: Any, withdrawn: str, feed: Feed):
    flown = feed.flights.filter(pl.col("tailnum") != withdrawn)["tailnum"].head(1)
    seen = {form for forms in audit(told.copy, flown[0]).values() for form in forms}
    assert "parquet" in seen


def test_the_search_does_see_who_is_online(told: Any, withdrawn: str, feed: Feed):
    stayed = feed.planes.filter(pl.col("tailnum") != withdrawn)["tailnum"][0]
    assert any(file.startswith("online/fleet/") for file in audit(told.copy, stayed))


def test_the_search_sees_what_is_left_behind_in_any_form(tmp_path: Path, withdrawn: str):
    plant(tmp_path / "clean", OTHERS)
    assert audit(tmp_path / "clean", withdrawn) == {}

    planted = plant(tmp_path / "dirty", [*OTHERS, withdrawn])
    plant_in_log(tmp_path / "dirty", withdrawn)
    (tmp_path / "dirty" / f"of-{withdrawn}.log").touch()
    residue = audit(tmp_path / "dirty", withdrawn)
    assert set(residue) == planted | {"copy.db-wal", f"of-{withdrawn}.log"}


def test_every_old_version_still_opens_without_the_aeroplane(told: Any, withdrawn: str, feed: Feed):
    settings = {"home": str(told.home), "replay": True}
    opened = 0
    with open_home(resolve_place(Path(told.home), flags=settings, environ={})) as home:
        for name in told.summary["dataset_versions"]:
            for version in home.datasets.versions(name):
                rows = home.datasets.scan(version.ref).collect()
                opened += 1
                assert rows.height == version.body["rows"]
                assert "tailnum" not in rows.columns or withdrawn not in set(rows["tailnum"])
                if name == "flights":
                    there = feed.flights.filter(
                        (pl.col("landed") <= rows["landed"].max())
                        & (pl.col("tailnum") != withdrawn)
                    )
                    assert set(rows["flight_id"]) == set(there["flight_id"])
    assert opened == sum(told.summary["dataset_versions"].values())
