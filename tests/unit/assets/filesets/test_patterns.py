"""Patterns match what they say, and name the parts."""

from __future__ import annotations

import pytest

from towpath.assets.filesets.patterns import PathPattern
from towpath.core.errors import InvalidName


@pytest.mark.parametrize(
    ("pattern", "path", "parts"),
    [
        ("{patient}/{view}.png", "p1/front.png", {"patient": "p1", "view": "front"}),
        ("{patient}/{view}.png", "p1/deep/front.png", None),
        ("{patient}/**/{view}.png", "p1/a/b/front.png", {"patient": "p1", "view": "front"}),
        ("{patient}/**/{view}.png", "p1/front.png", {"patient": "p1", "view": "front"}),
        ("{day}_{n}.wav", "2026-01-02_7.wav", {"day": "2026-01-02", "n": "7"}),
        ("{a}_{b}", "x_y_z", {"a": "x", "b": "y_z"}),
        ("*.txt", "notes.txt", {}),
        ("*.txt", "a/notes.txt", None),
        ("a?c", "abc", {}),
        ("a?c", "a/c", None),
        ("v[1].txt", "v[1].txt", {}),
        ("{all}", "line\nfeed", {"all": "line\nfeed"}),
    ],
)
def test_what_a_pattern_matches(pattern: str, path: str, parts: dict[str, str] | None) -> None:
    assert PathPattern.parse(pattern).match(path) == parts


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("**/*.png", "front.png", True),
        ("**/*.png", "a/b/front.png", True),
        ("*.png", "a/front.png", False),
        ("**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("img[0-9].png", "img7.png", True),
        ("img[!0-9].png", "img7.png", False),
        ("img[!0-9].png", "img/.png", False),
        ("[a]]", "a]", True),
        ("{x}.png", "{x}.png", True),
        ("[", "[", True),
        ("a[^b]", "a^", True),
    ],
)
def test_what_a_glob_matches(glob: str, path: str, matches: bool) -> None:
    assert (PathPattern.of_glob(glob).match(path) is not None) == matches


@pytest.mark.parametrize("pattern", ["{", "{a", "a}", "{}", "{A}", "{a}/{a}", "{a-b}"])
def test_patterns_that_can_not_be(pattern: str) -> None:
    with pytest.raises(InvalidName, match="not a pattern"):
        PathPattern.parse(pattern)


def test_a_set_that_can_not_be() -> None:
    with pytest.raises(InvalidName, match="bad character range"):
        PathPattern.of_glob("[z-a]")
