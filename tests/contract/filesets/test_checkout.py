"""What `FileSetStore.checkout` promises."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from towpath.assets.filesets import checkout as module
from towpath.core.errors import Conflict, CorruptBlob, UsageError

FILES = {"p1/front.png": b"one", "p1/deep/side.png": b"two", "readme.txt": b""}


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def filled(embedded: Any) -> Any:
    embedded.write(FILES)
    embedded.add()
    return embedded


def test_a_version_comes_out_as_it_went_in(home: Any, tmp_path: Path) -> None:
    home.write(FILES)
    home.add()
    home.write({"p1/front.png": b"ONE"})
    home.add()
    done = home.store.checkout(home.scans.ref.at(1), tmp_path / "out" / "one")
    assert (done.files, done.written, done.written_bytes) == (3, 3, 6)
    assert content(tmp_path / "out" / "one") == FILES
    home.store.checkout(home.scans.ref, tmp_path / "two")
    assert content(tmp_path / "two") == FILES | {"p1/front.png": b"ONE"}


def test_what_is_as_it_should_be_is_left_alone(filled: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    filled.store.checkout(filled.scans.ref, out)
    before = (out / "readme.txt").stat().st_mtime_ns
    (out / "p1/front.png").unlink()
    done = filled.store.checkout(filled.scans.ref, out)
    assert (done.files, done.written) == (3, 1)
    assert content(out) == FILES
    assert (out / "readme.txt").stat().st_mtime_ns == before


def test_the_same_folder_moves_between_versions(filled: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    filled.write({"p1/front.png": b"ONE", "p9/front.png": b"nine"})
    filled.add()
    for version, there in (
        (1, FILES),
        (2, FILES | {"p1/front.png": b"ONE", "p9/front.png": b"nine"}),
    ):
        filled.store.checkout(filled.scans.ref.at(version), out, prune=True)
        assert content(out) == there
    done = filled.store.checkout(filled.scans.ref.at(1), out, prune=True)
    assert done.removed == 1
    assert not (out / "p9").exists(), "a folder that is empty now goes too"


@pytest.mark.parametrize("prune", [False, True])
def test_what_would_be_lost_is_refused_before_anything_is_touched(
    filled: Any,
    tmp_path: Path,
    prune: bool,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    mine = out / ("extra.txt" if prune else "readme.txt")
    mine.write_bytes(b"nowhere else")
    with pytest.raises(Conflict, match="1 file in"):
        filled.store.checkout(filled.scans.ref, out, prune=prune)
    assert content(out) == {mine.name: b"nowhere else"}
    filled.store.checkout(filled.scans.ref, out, prune=prune, force=True)
    assert content(out) == FILES


def test_part_of_a_version(filled: Any, tmp_path: Path) -> None:
    done = filled.store.checkout(filled.scans.ref, tmp_path / "out", only="p1/*.png")
    assert done.files == 1
    assert content(tmp_path / "out") == {"p1/front.png": b"one"}


def test_a_checkout_that_fails_leaves_no_folder(filled: Any, tmp_path: Path) -> None:
    digest = next(one for one in filled.area.walk() if filled.area.get(one) == b"two")
    path = next(Path(tmp_path, "blobs", "files").rglob(digest))
    path.chmod(0o644)
    path.write_bytes(b"TWO")
    with pytest.raises(CorruptBlob, match=digest):
        filled.store.checkout(filled.scans.ref, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_what_a_killed_checkout_left_is_removed_by_the_next(filled: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    left = tmp_path / f"{module._WHOLE}out-0123"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    filled.store.checkout(filled.scans.ref, out)
    assert not left.exists()
    half = out / "p1" / ".towpath-unfinished-0123"
    half.write_bytes(b"x")
    filled.store.checkout(filled.scans.ref, out)
    assert not half.exists()


def test_copies_can_be_edited_and_links_cannot(filled: Any, tmp_path: Path) -> None:
    done = filled.store.checkout(filled.scans.ref, tmp_path / "copy", method="copy")
    assert done.method == "copy"
    (tmp_path / "copy" / "p1/front.png").write_bytes(b"mine")
    done = filled.store.checkout(filled.scans.ref, tmp_path / "link", method="hardlink")
    assert done.method == "hardlink"
    linked = (tmp_path / "link" / "p1/front.png").stat()
    assert linked.st_nlink == 2
    assert not stat.S_IMODE(linked.st_mode) & 0o222
    assert filled.held() == FILES


def test_a_method_that_is_not_possible_says_so(
    filled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "clone_file", lambda *_: False)
    with pytest.raises(UsageError, match="can't share blocks"):
        filled.store.checkout(filled.scans.ref, tmp_path / "out", method="reflink")
    assert not (tmp_path / "out").exists()
    assert filled.store.checkout(filled.scans.ref, tmp_path / "out").method == "copy"


def test_links_in_the_folder_lead_nowhere(filled: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / "p1").symlink_to(outside)
    with pytest.raises(Conflict, match="symbolic link"):
        filled.store.checkout(filled.scans.ref, out, force=True)
    (out / "p1").unlink()
    (out / "p1").mkdir()
    (out / "p1" / "front.png").symlink_to(outside / "victim")
    with pytest.raises(Conflict, match="would be lost"):
        filled.store.checkout(filled.scans.ref, out)
    filled.store.checkout(filled.scans.ref, out, force=True)
    assert (outside / "victim").read_bytes() == b"precious"
    assert list(outside.iterdir()) == [outside / "victim"]
    assert content(out) == FILES


@pytest.mark.parametrize("path", ["../out.png", "/etc/passwd", "a//b", "a/./b", "a\\..\\b", ""])
def test_rows_with_harmful_paths_are_not_written(embedded: Any, tmp_path: Path, path: str) -> None:
    embedded.write(FILES)
    embedded.add()
    rows = embedded.store.files(embedded.scans.ref).collect().head(1)
    # Whoever commits rows by hand can say anything.
    embedded.datasets.commit(
        embedded.scans.dataset, rows.with_columns(path=pl.lit(path)), project="p", mode="merge"
    )
    with pytest.raises(UsageError, match="can't be kept"):
        embedded.store.checkout(embedded.scans.ref, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_a_folder_too_is_a_conflict(embedded: Any, tmp_path: Path) -> None:
    embedded.write({"a": b"x"})
    embedded.add()
    (embedded.folder / "a").unlink()
    embedded.write({"a/b": b"y"})
    embedded.add()
    with pytest.raises(Conflict, match="folder of another"):
        embedded.store.checkout(embedded.scans.ref, tmp_path / "out")


def test_a_folder_in_the_way_is_never_removed(filled: Any, tmp_path: Path) -> None:
    (tmp_path / "out" / "readme.txt" / "inside").mkdir(parents=True)
    with pytest.raises(Conflict, match="a folder lies where"):
        filled.store.checkout(filled.scans.ref, tmp_path / "out", force=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="not a folder"):
        filled.store.checkout(filled.scans.ref, tmp_path / "file")


def test_a_data_set_that_holds_no_files_can_not_be_checked_out(
    embedded: Any, tmp_path: Path
) -> None:
    from towpath.assets.datasets import Dataset, Schema

    class Ride(Schema):
        path: str

    rows = pl.DataFrame({"path": ["a"]})
    rides = Dataset("rides", schema=Ride, key="path")
    embedded.datasets.commit(rides, rows, project="p")
    with pytest.raises(UsageError, match="not a file set"):
        embedded.store.checkout(rides.ref, tmp_path / "out")


def test_permissions_are_the_processs_own(filled: Any, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        filled.store.checkout(filled.scans.ref, tmp_path / "out", method="copy")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out" / "readme.txt").stat().st_mode) == 0o640
