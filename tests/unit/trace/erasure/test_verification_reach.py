"""The scan reaches online rows, areas of a blob store, Iceberg's manifests, and files of any size."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import lmdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureView, LayoutFeatureStore
from towpath.assets.features.online import OnlineCells, OnlineFeatureStore
from towpath.core.clock import ManualClock
from towpath.storage.blobs import open_blobs
from towpath.storage.online import open_online
from towpath.trace.erasure.verification import HomeScanner, Needle, large, scan, streaming
from towpath.trace.erasure.verification.streaming import count_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SUBJECT, OTHER, LONGER = "p0007", "p1234", "p00071"


def places(tmp_path: Path, **parts: Any) -> list[tuple[str, str]]:
    report = HomeScanner(tmp_path, **parts).scan(SUBJECT)
    return [(one.place, one.where) for one in report.residue]


# -- Avro --------------------------------------------------------------------------------------------


def avro(codec: str, pack: Callable[[bytes], bytes], *blocks: bytes) -> bytes:
    """Write an Avro container as the specification lays it out."""

    def number(value: int) -> bytes:
        value, out = value << 1, b""
        while value > 0x7F:
            value, out = value >> 7, out + bytes([value & 0x7F | 0x80])
        return out + bytes([value])

    def text(value: bytes) -> bytes:
        return number(len(value)) + value

    sync = b"0123456789abcdef"
    meta = number(2) + text(b"avro.schema") + text(b'"string"')
    meta += text(b"avro.codec") + text(codec.encode()) + number(0)
    packed = b"".join(number(1) + text(pack(text(block))) + sync for block in blocks)
    return b"Obj\x01" + meta + sync + packed


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def snappied(data: bytes) -> bytes:
    return pa.compress(data, "snappy", asbytes=True) + zlib.crc32(data).to_bytes(4, "big")


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": deflated,
    "bzip2": bz2.compress,
    "zstandard": lambda data: pa.compress(data, "zstd", asbytes=True),
    "snappy": snappied,
}


@pytest.mark.parametrize("codec", CODECS)
def test_avro_containers_are_unpacked(tmp_path: Path, codec: str) -> None:
    # Long enough to be packed, not stored.
    filler = (OTHER + " ").encode() * 40
    (tmp_path / "m.avro").write_bytes(avro(codec, CODECS[codec], filler))
    assert places(tmp_path) == []
    left = filler + SUBJECT.encode() + filler
    (tmp_path / "m.avro").write_bytes(avro(codec, CODECS[codec], filler, left))
    assert places(tmp_path) == [("m.avro", "avro: block 2")]


def test_a_broken_container_is_read_raw(tmp_path: Path) -> None:
    whole = avro("null", bytes, SUBJECT.encode())
    for cut in (whole[:-3], b"Obj\x01\xff" + SUBJECT.encode(), whole.replace(b"null", b"nope")):
        (tmp_path / "m.avro").write_bytes(cut + b"\xff")
        assert [where for _, where in places(tmp_path)] == ["raw: raw bytes"]


# -- files of any size -------------------------------------------------------------------------------


@given(
    pieces=st.lists(
        st.sampled_from(["p0007", "p00071", "xp0007", " ", ".", "p", "é", "\0"]), max_size=30
    ),
    size=st.integers(1, 9),
)
def test_a_stream_counts_what_the_whole_would(pieces: list[str], size: int) -> None:
    data = "".join(pieces).encode()
    needle = Needle(SUBJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "_PIECE_BYTES", size)
        assert count_stream(needle, io.BytesIO(data)) == needle.count_words(data)
        first = data[:7]
        assert count_stream(needle, io.BytesIO(data[7:]), first=first) == needle.count_words(data)


def table(value: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"who": [OTHER, value]}), sink, compression="zstd")
    return sink.getvalue()


def arrow(value: str) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({"who": [OTHER, value]}).write_ipc(sink, compression="zstd")
    return sink.getvalue()


def zipped(value: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small", "nothing")
        archive.writestr("large", f"{OTHER} " * 100 + value)
    return sink.getvalue()


LARGE: dict[str, Callable[[str], bytes]] = {
    "parquet": table,
    "arrow": arrow,
    "zip": zipped,
    "gzip": lambda value: gzip.compress(f"{OTHER} {value} ".encode() * 20),
    "bzip2": lambda value: bz2.compress(f"{OTHER} {value} ".encode() * 20),
    "xz": lambda value: lzma.compress(f"{OTHER} {value} ".encode() * 20),
    "zstd": lambda value: pa.compress(f"{OTHER} {value} ".encode() * 20, "zstd", asbytes=True),
    "text": lambda value: f"{OTHER} {value} é".encode() * 20,
    "raw": lambda value: b"\xff\x00" * 50 + value.encode() + b"\xff" * 50,
    "utf-16": lambda value: f"{OTHER} {value}".encode("utf-16"),
}


@pytest.mark.parametrize("form", LARGE)
def test_large_files_are_searched_without_holding_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    for module in (large, scan):
        monkeypatch.setattr(module, "LARGE_BYTES", 20)
    monkeypatch.setattr(streaming, "_PIECE_BYTES", 64)
    monkeypatch.setattr(large, "_SAMPLE_BYTES", 32)
    monkeypatch.setattr(scan, "search_bytes", None)  # it would hold all of one
    path = tmp_path / "file"
    path.write_bytes(LARGE[form](OTHER))
    assert places(tmp_path) == []
    if form not in ("raw", "utf-16"):  # where nothing says what a word is, everything counts
        path.write_bytes(LARGE[form](LONGER))
        assert places(tmp_path) == []
    path.write_bytes(LARGE[form](SUBJECT))
    ((place, where),) = places(tmp_path)
    assert place == "file"
    assert where.startswith(form if form != "utf-16" else "raw")


# -- areas of a blob store ---------------------------------------------------------------------------


def test_areas_of_a_store_elsewhere_are_read(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "home").mkdir()
    blobs = open_blobs(f"file://{tmp_path}/elsewhere")
    left = blobs.area("files").put(f"scan of {SUBJECT}".encode())
    home = tmp_path / "home"
    assert places(home, blobs=blobs) == []
    assert places(home, blobs=blobs, areas=["files"]) == [(f"blob:files/{left}", "text: text")]
    monkeypatch.setattr(scan, "LARGE_BYTES", 3)
    assert places(home, blobs=blobs, areas=["files"]) == [(f"blob:files/{left}", "text: text")]


# -- online rows -------------------------------------------------------------------------------------


class Reading(Schema):
    reading: str
    person: str
    place: str
    at: datetime
    note: str
    after: str


readings = Dataset("readings", schema=Reading, key="reading", time="at", subject="person")
people = FeatureView(
    "people", source=readings, entity="person", time="at", features=["note", "after"]
)
sites = FeatureView(
    "sites", source=readings, entity=["place", "person"], time="at", features=["note"]
)
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=pytest.mark.redis)])
def online(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    lies_in_home = request.param == "lmdb"
    url = f"lmdb://{tmp_path}/home/online" if lies_in_home else request.getfixturevalue("redis_url")
    store = open_online(url)
    yield store
    store.close()


@pytest.fixture
def fill(
    tmp_path: Path, sqlite_ledger: Any, disk_blobs: Any, keyring: Any, online: Any
) -> Callable[..., list[tuple[str, str]]]:
    """Materialise rows and search for the subject in what the store holds."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    datasets = ParquetDatasetStore(sqlite_ledger, disk_blobs, keyring)
    offline = LayoutFeatureStore(sqlite_ledger, disk_blobs)
    features = OnlineFeatureStore(
        sqlite_ledger, offline, online, keyring, ManualClock(AT), withdrawn=frozenset
    )

    def run(view: FeatureView, **row: str) -> list[tuple[str, str]]:
        whole = {"reading": "1", "person": OTHER, "place": "here", "note": "", "after": ""} | row
        rows = pl.DataFrame([whole | {"at": AT}], schema=Reading.polars_schema())
        datasets.commit(readings, rows, project="p", mode="overwrite")
        features.materialize(view, project="p", whole=True)
        return places(home, online=OnlineCells(online))

    return run


def test_a_key_and_a_text_are_seen_where_they_stand_alone(fill: Any) -> None:
    assert fill(people) == []
    found = fill(people, person=SUBJECT)
    assert ("online:people", "online: rows") in found
    assert {place.partition("/")[0] for place, _ in found} <= {"online:people", "online"}
    assert ("online:people", "online: rows") in fill(people, note=f"seen with {SUBJECT}")
    # In the packed row it stands between two words.
    assert ("online:people", "online: rows") in fill(people, note=SUBJECT, after="afterwards")


def test_a_longer_word_is_somebody_else(fill: Any) -> None:
    assert fill(people, person=LONGER, note=LONGER, after="afterwards") == []


def test_what_is_only_there_where_two_texts_meet_is_residue_rather_than_missed(fill: Any) -> None:
    assert ("online:people", "online: rows") in fill(people, note="p00", after="07")


def test_a_part_of_a_key_is_seen(fill: Any) -> None:
    assert ("online:sites", "online: rows") in fill(sites, person=SUBJECT)
    assert ("online:sites", "online: rows") in fill(sites, place=SUBJECT)


def test_rows_of_a_draft_that_nobody_finished_are_seen(online: Any, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    draft = online.begin("people")
    draft.write([(f"={SUBJECT}".encode(), bytes(16))])
    found = places(tmp_path / "home", online=OnlineCells(online))
    assert ("online:people", "online: rows") in found


def test_free_pages_of_an_lmdb_file_are_read(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "left.lmdb"), subdir=False, map_size=1 << 20) as env:
        with env.begin(write=True) as tx:
            tx.put(f"={SUBJECT}".encode(), b"\x80" * 16)
        with env.begin(write=True) as tx:
            tx.delete(f"={SUBJECT}".encode())
    assert places(tmp_path) == [("left.lmdb", "lmdb: pages")]
