"""Bytes are read when somebody looks at them, and only those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.filesets import Files, FileSet, reading
from towpath.core.errors import CorruptBlob, NotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

photos = FileSet("photos")


class Counting:
    """A store that tells what was read."""

    def __init__(self, store: Any) -> None:
        self.store, self.reads = store, []

    def get(self, digest: str) -> bytes:
        self.reads.append(digest)
        return self.store.get(digest)


@pytest.fixture
def files(parts: Any, tmp_path: Path) -> Files:
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.txt").write_bytes(bytes([65 + number]) * (number + 1))
    parts.store.add(photos, folder, project="p")
    return Files(parts.datasets.scan(photos.ref), Counting(parts.blobs.area("files")))


def reads(files: Files) -> int:
    return len(files._store.reads)


def test_a_table_has_every_byte(files: Files) -> None:
    table = files.table().sort("path").collect()
    assert table["bytes"].to_list() == [b"A", b"BB", b"CCC", b"DDDD", b"EEEEE", b"FFFFFF"]
    assert reads(files) == 6


def test_only_what_is_asked_for_is_read(files: Files) -> None:
    table = files.table()
    assert table.select("path").collect().height == 6
    assert table.select(pl.len()).collect().item() == 6
    assert reads(files) == 0
    found = table.filter(pl.col("path") == "3.txt").select("bytes").collect()
    assert found.item() == b"DDDD"
    assert reads(files) == 1
    assert table.head(2).collect().height == 2
    assert reads(files) == 3


def test_filters_may_look_at_the_bytes(files: Files) -> None:
    big = files.table().filter(pl.col("bytes").bin.size() > 4)
    assert sorted(big.select("path").collect()["path"]) == ["4.txt", "5.txt"]
    both = big.filter(pl.col("path") == "5.txt").collect()
    assert both.select("path", "bytes").rows() == [("5.txt", b"FFFFFF")]
    assert big.head(1).collect().height == 1


def test_batches_hold_so_many_bytes(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BATCH_BYTES", 5)
    table = files.rows.sort("path").collect()
    sizes = [batch["size_bytes"].to_list() for batch in reading._batches(table)]
    assert sizes == [[1, 2], [3], [4], [5], [6]]
    assert files.table().collect().height == 6


def test_files_one_by_one(files: Files) -> None:
    assert len(files) == 6
    assert [file.path for file in files] == [f"{number}.txt" for number in range(6)]
    assert reads(files) == 0
    second = files["1.txt"]
    assert second.read() == b"BB"
    assert (second.size_bytes, second.media_type) == (2, "text/plain")
    few = files.filter(pl.col("size_bytes") > 4)
    assert [file.read() for file in few] == [b"EEEEE", b"FFFFFF"]
    with pytest.raises(NotFound):
        few["1.txt"]


def test_a_file_can_be_had_as_a_path(parts: Any, files: Files) -> None:
    for file in Files(files.rows, parts.blobs.area("files")):
        with file.open() as path:
            assert path.stat().st_size == file.size_bytes
    with parts.store.open(photos.ref, "2.txt") as path:
        assert path.read_bytes() == b"CCC"
    with pytest.raises(NotFound, match="no such file"), parts.store.open(photos.ref, "x"):
        pass


def test_damage_is_noticed(parts: Any, files: Files, tmp_path: Path) -> None:
    digest = files["2.txt"].digest
    path = next((tmp_path / "blobs" / "files").rglob(digest))
    path.chmod(0o644)
    path.write_bytes(b"???")
    with pytest.raises(CorruptBlob, match=digest):
        files["2.txt"].read()


def test_rows_of_something_else_are_refused(parts: Any) -> None:
    with pytest.raises(UsageError, match="not those of a file set"):
        Files(pl.LazyFrame({"path": ["a"]}), parts.blobs)
