from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from towpath.assets.code.ignoring import kept_files

if TYPE_CHECKING:
    from pathlib import Path

FILES = [
    "a.py",
    "b.py",
    "src/a.py",
    "src/deep/a.py",
    "src/deep/er/c.py",
    "logs/x.py",
    "src/logs/y.py",
    "data/one.py",
    "data/two.py",
    "data/sub/three.py",
    "test1.py",
    "test2.py",
    "testx.py",
    "odd name.py",
    "!bang.py",
    "#hash.py",
]
PATTERNS = [
    "a.py",
    "/a.py",
    "*.py",
    "logs/",
    "/logs/",
    "logs",
    "src/*/a.py",
    "src/**/a.py",
    "**/a.py",
    "src/**",
    "data/*\n!data/one.py",
    "data/\n!data/one.py",
    "test[0-9].py",
    "test[!0-9].py",
    "test?.py",
    "# comment\n\n  \nb.py",
    r"\!bang.py",
    r"\#hash.py",
    "*.py\n!a.py\n!b.py\n/a.py",
    "src/deep",
    "deep/er",
    "**/er/",
    "odd name.py",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("", encoding="utf-8")
    return root


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_mean_what_git_says_they_mean(folder: Path, pattern: str) -> None:
    (folder / ".gitignore").write_text(pattern + "\n", encoding="utf-8")
    git = ["git", "-c", "core.excludesFile=", "-C", str(folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--others", "--exclude-standard"], check=True, capture_output=True
    )
    by_git = {name for name in listed.stdout.decode().split("\0") if name.endswith(".py")}

    assert {path.relative_to(folder).as_posix() for path in kept_files(folder)} == by_git


def test_an_ignore_file_in_a_subfolder_counts_there(folder: Path) -> None:
    (folder / "src" / ".towpathignore").write_text("/a.py\n", encoding="utf-8")

    kept = {path.relative_to(folder).as_posix() for path in kept_files(folder)}

    assert "src/a.py" not in kept
    assert {"a.py", "src/deep/a.py"} <= kept


def test_the_order_is_the_same_each_time(folder: Path) -> None:
    assert list(kept_files(folder)) == list(kept_files(folder))
