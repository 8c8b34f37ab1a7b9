"""Only paths that are harmless everywhere are kept."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.filesets.paths import check_path, what_is_wrong
from towpath.core.errors import UsageError


@pytest.mark.parametrize(
    "path", ["a", "a/b.png", "ünïcode/日本.txt", "a b/…", "..a/b..", "x" * 255]
)
def test_paths_that_are_kept(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "./a",
        "a/../b",
        "..",
        "a\\b",
        "a\0b",
        "a\nb",
        "\x7f",
        "\udcff",
        "x" * 256,
        "ü" * 128,
        "a/" * 600 + "b",
    ],
)
def test_paths_that_are_not(path: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_path(path)
    assert len(path) <= len("..") or path not in str(refused.value)


@given(st.text(max_size=40))
def test_what_is_kept_never_leads_out_of_a_folder(path: str) -> None:
    if what_is_wrong(path) is None:
        there = posixpath.normpath(posixpath.join("/root", path))
        assert there == f"/root/{path}"
