"""Which files a source has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from towpath.assets.filesets.listing import list_source, stat_of
from towpath.core.errors import NotFound, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "raw"
    for path in ("b.png", "a/x.png", "a/y.txt", ".hidden", ".git/config", "a/.DS_Store"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    (root / "link.png").symlink_to(root / "b.png")
    (root / "linked").symlink_to(root / "a")
    os.mkfifo(root / "pipe")
    return root


def test_a_folder_is_walked_without_links_hidden_and_special_files(folder: Path) -> None:
    listing = list_source(folder)
    assert [file.path for file in listing.files] == ["a/x.png", "a/y.txt", "b.png"]
    assert listing.whole
    assert listing.left_out == 6
    assert listing.files[0].stat == stat_of(str(folder / "a/x.png"))


def test_a_glob_starts_where_its_wildcards_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = list_source(f"{folder}/**/*.png")
    assert [file.path for file in listing.files] == ["a/x.png", "b.png"]
    assert not listing.whole
    assert [file.path for file in list_source(f"{folder}/a/*").files] == ["x.png", "y.txt"]
    monkeypatch.chdir(folder)
    assert [file.path for file in list_source("*.png").files] == ["b.png"]


def test_a_name_that_looks_like_a_glob_is_a_name_where_it_exists(tmp_path: Path) -> None:
    (tmp_path / "v[1]").mkdir()
    (tmp_path / "v[1]" / "x").write_bytes(b"")
    assert list_source(tmp_path / "v[1]").whole


def test_one_file(folder: Path) -> None:
    listing = list_source(folder / "a/x.png")
    assert [(file.path, file.location) for file in listing.files] == [
        ("x.png", str(folder / "a/x.png"))
    ]
    assert not listing.whole


def test_nothing_there_says_so(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "nowhere", f"{folder}/*.gif", tmp_path / "empty"):
        with pytest.raises(NotFound):
            list_source(source)


def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).write_bytes(b"")
    with pytest.raises(UsageError, match="not UTF-8"):
        list_source(tmp_path)
