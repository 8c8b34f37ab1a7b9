"""The search that trusts no one sees a planted leftover in every kind of store, and nothing in a clean one."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import json
import lzma
import sqlite3
import struct
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "find_residue.py"
WITHDRAWN, OTHERS = "N804JB", ["N24211", "N619AA", "N14228"]
NUMBER, OTHER_NUMBER = 0.8972602739726028, 0.7916666666666666


@pytest.fixture(scope="module")
def finder() -> Any:
    spec = importlib.util.spec_from_file_location("find_residue", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- files -------------------------------------------------------------------------------------------


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


def array(number: float) -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array([number]))
    return sink.getvalue()


FILES: dict[str, Callable[[list[str]], bytes]] = {
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
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("form", FILES)
def test_a_file_of_any_form(finder: Any, tmp_path: Path, form: str) -> None:
    (tmp_path / form).write_bytes(FILES[form](OTHERS))
    assert finder.search_folder(tmp_path, WITHDRAWN) == (1, {})
    (tmp_path / form).write_bytes(FILES[form]([*OTHERS, WITHDRAWN]))
    assert set(finder.search_folder(tmp_path, WITHDRAWN)[1]) == {form}


@pytest.mark.parametrize(
    "write",
    [
        lambda path, number: path.write_text(f"loan_to_value {number}"),
        lambda path, number: path.write_bytes(b"\x81\xa3ltv\xcb" + struct.pack(">d", number)),
        lambda path, number: path.write_bytes(b"\x00" * 7 + struct.pack("<d", number)),
        lambda path, number: pq.write_table(pa.table({"ltv": [number]}), path, compression="zstd"),
        lambda path, number: path.write_bytes(array(number)),
    ],
    ids=["text", "msgpack", "raw", "parquet", "numpy"],
)
def test_a_number_that_only_they_have(
    finder: Any, tmp_path: Path, write: Callable[[Path, float], object]
) -> None:
    write(tmp_path / "file", OTHER_NUMBER)
    assert finder.search_folder(tmp_path, WITHDRAWN, repr(NUMBER)) == (1, {})
    write(tmp_path / "file", NUMBER)
    assert set(finder.search_folder(tmp_path, WITHDRAWN, repr(NUMBER))[1]) == {"file"}


# -- SQLite and LMDB: cells, free pages, the write-ahead log ------------------------------------------


def sqlite_file(path: Path, values: list[str], pack: Callable[[bytes], bytes]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY, said BLOB)")
        connection.executemany("INSERT INTO notes (said) VALUES (?)", [(pack(text(values)),)])
        connection.commit()


def sqlite_free_page(path: Path, values: list[str], pack: Callable[[bytes], bytes]) -> None:
    sqlite_file(path, values, pack)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("DELETE FROM notes")
        connection.commit()


def sqlite_log(path: Path, values: list[str], pack: Callable[[bytes], bytes]) -> None:
    """Leave a write-ahead log that was never checkpointed, without its database."""
    source = path.with_name("source.db")
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (said BLOB)")
        connection.execute("INSERT INTO notes VALUES (?)", (pack(text(values)),))
        connection.commit()
        log = source.with_name("source.db-wal").read_bytes()
    for file in path.parent.glob("source.db*"):
        file.unlink()
    path.write_bytes(log)


def lmdb_file(path: Path, values: list[str], pack: Callable[[bytes], bytes]) -> None:
    with lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 20, max_dbs=2) as env:
        rows = env.open_db(b"rows")
        with env.begin(write=True, db=rows) as tx:
            tx.put(b"row", pack(text(values)))


def lmdb_free_page(path: Path, values: list[str], pack: Callable[[bytes], bytes]) -> None:
    lmdb_file(path, values, pack)
    with lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 20, max_dbs=2) as env:
        rows = env.open_db(b"rows")
        with env.begin(write=True, db=rows) as tx:
            tx.delete(b"row")


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize(
    "make", [sqlite_file, sqlite_free_page, sqlite_log, lmdb_file, lmdb_free_page]
)
def test_a_database_in_a_file(
    finder: Any, tmp_path: Path, make: Callable[..., None], packed: str
) -> None:
    make(tmp_path / "clean", OTHERS, PACKED[packed])
    assert finder.search_folder(tmp_path, WITHDRAWN) == (1, {})
    make(tmp_path / "dirty", [*OTHERS, WITHDRAWN], PACKED[packed])
    assert set(finder.search_folder(tmp_path, WITHDRAWN)[1]) == {"dirty"}


def test_a_key_of_lmdb_and_a_value_longer_than_a_page(finder: Any, tmp_path: Path) -> None:
    long = gzip.compress(np.random.default_rng(1).bytes(20_000) + WITHDRAWN.encode())
    key = f"={WITHDRAWN}".encode()
    lmdb_file(tmp_path / "clean", OTHERS, bytes)
    for name, row in {"long": (b"row", long), "key": (key, b"\x80")}.items():
        file = lmdb.open(str(tmp_path / name), subdir=False, lock=False, map_size=1 << 20)
        with file as env, env.begin(write=True) as tx:
            tx.put(*row)
    assert set(finder.search_folder(tmp_path, WITHDRAWN)[1]) == {"long", "key"}


# -- servers -----------------------------------------------------------------------------------------


@pytest.mark.redis
def test_a_redis(finder: Any, redis_url: str) -> None:
    import redis

    def fill(client: Any, value: str) -> None:
        client.hset("hash", value, b"\x80")
        client.hset("field", "who", gzip.compress(value.encode()))
        client.set("string", value)
        client.sadd("set", value)
        client.zadd("sorted", {value: 1.0})
        client.rpush("list", value)
        client.xadd("stream", {"who": value})
        client.set(f"key-{value}", "")

    with redis.Redis.from_url(redis_url) as client:
        fill(client, OTHERS[0])
        assert finder.search_redis(redis_url, WITHDRAWN) == {}
        client.flushdb()
        fill(client, WITHDRAWN)
    named = ("hash", "field", "string", "set", "sorted", "list", "stream", "key-…")
    assert set(finder.search_redis(redis_url, WITHDRAWN)) == {f"redis b'{one}'" for one in named}


@pytest.mark.postgres
def test_a_postgresql(finder: Any, empty_pg_url: str) -> None:
    import psycopg

    url = empty_pg_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE said (who text)")
        connection.execute("CREATE TABLE packed (body bytea)")
        connection.execute("CREATE TABLE gone (who text, body bytea)")
        connection.execute("CREATE TABLE vacuumed (who text)")
        connection.execute("CREATE INDEX ON said (who)")

        def fill(value: str) -> None:
            packed = gzip.compress(value.encode())
            connection.execute("INSERT INTO said VALUES (%s)", (value,))
            connection.execute("INSERT INTO packed VALUES (%s)", (packed,))
            connection.execute("INSERT INTO gone VALUES ('', %s)", (packed,))
            connection.execute("INSERT INTO vacuumed VALUES (%s)", (value,))
            connection.execute("DELETE FROM gone")
            connection.execute("DELETE FROM vacuumed")
            connection.execute("VACUUM FULL vacuumed")

        fill(OTHERS[0])
        assert finder.search_postgres(url, WITHDRAWN) == {}
        fill(WITHDRAWN)
        assert finder.search_postgres(url, WITHDRAWN) == {
            "postgres said": ["cells", "raw bytes"],
            "postgres said_who_idx": ["raw bytes"],
            "postgres packed": ["cells", "packed on a page"],
            "postgres gone": ["packed on a page"],
        }


@pytest.mark.s3
def test_an_s3(finder: Any, s3_url: str) -> None:
    from towpath.storage.blobs import open_blobs

    blobs = open_blobs(s3_url)
    blobs.put(parquet(OTHERS))
    assert finder.search_s3(s3_url, WITHDRAWN) == {}
    left = blobs.area("files").put(parquet([*OTHERS, WITHDRAWN]))
    (found,) = finder.search_s3(s3_url, WITHDRAWN)
    assert found.endswith(left)


# -- the program -------------------------------------------------------------------------------------


def test_it_ends_with_1_and_names_the_place_but_not_the_person(tmp_path: Path) -> None:
    (tmp_path / "fine").write_text(OTHERS[0])

    def run() -> tuple[int, str]:
        command = [sys.executable, "-I", str(SCRIPT), str(tmp_path), WITHDRAWN, "N999ZZ"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout

    assert run() == (0, '{"files": 1, "residue": {}}\n')
    (tmp_path / f"of-{WITHDRAWN}.log").touch()
    (tmp_path / "second").write_text("N999ZZ")
    code, said = run()
    assert code == 1
    assert json.loads(said)["residue"] == {"of-….log": ["its name"], "second": ["raw bytes"]}
    assert WITHDRAWN not in said
