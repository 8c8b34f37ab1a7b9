"""Patterns over paths: which ones match, and what their parts are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from towpath.core.errors import InvalidName

if TYPE_CHECKING:
    from collections.abc import Iterator

_WILD = r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<any>\?)"
_PATTERN = re.compile(_WILD + r"|\{(?P<name>[^{}]*)\}|(?P<text>[^*?{}]+)")
_GLOB = re.compile(_WILD + r"|\[(?P<set>!?\]?[^\]]*)\]|(?P<text>[^*?\[]+|\[)")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A parsed pattern: `*` and `?` stay within a folder, `**` crosses folders, `{name}` is a part.

    A name stands for at least one character and, like `*`, for as few as will do.

    Attributes:
        text: As it was written.
        names: The names in it, in order.
        regex: What it means.
    """

    text: str
    names: tuple[str, ...]
    regex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern with `{name}`s.

        Raises:
            InvalidName: A brace is not closed, or a name is not one or occurs twice.
        """
        names: list[str] = []
        parts: list[str] = []
        for token in _tokens(_PATTERN, text):
            name = token["name"]
            if token.lastgroup != "name":
                parts.append(_plain(token))
                continue
            if not _NAME.fullmatch(name) or name in names:
                raise _invalid(text, f"{name!r} is not a name, or occurs twice")
            names.append(name)
            parts.append(f"(?P<{name}>[^/]+?)")
        return cls(text, tuple(names), "".join(parts))

    @classmethod
    def of_glob(cls, text: str) -> Self:
        """Read a glob: braces mean themselves, and `[abc]`, `[a-z]` and `[!abc]` are sets.

        Raises:
            InvalidName: A set can't be.
        """
        parts = [_set(text, token["set"]) or _plain(token) for token in _tokens(_GLOB, text)]
        return cls(text, (), "".join(parts))

    def match(self, path: str) -> dict[str, str] | None:
        """Return the named parts of a path; None if it does not match."""
        found = _compiled(self.regex).fullmatch(path)
        return None if found is None else found.groupdict()


def _tokens(grammar: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text):
        token = grammar.match(text, at)
        if token is None:
            raise _invalid(text, "it has a brace that is not closed")
        yield token
        at = token.end()


def _plain(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "deep":
            return "(?:[^/]+/)*?" if token["deep"].endswith("/") else ".*?"
        case "star":
            return "[^/]*?"
        case "any":
            return "[^/]"
        case _:
            return re.escape(token["text"])


def _set(text: str, letters: str | None) -> str:
    if letters is None:
        return ""
    inside = letters.removeprefix("!").replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    regex = f"(?!/)[{'^' if letters.startswith('!') else ''}{inside.replace(']', chr(92) + ']')}]"
    try:
        re.compile(regex)
    except re.error as error:
        raise _invalid(text, f"{error.msg} in [{letters}]") from error
    return regex


@lru_cache(maxsize=64)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL)


def _invalid(text: str, why: str) -> InvalidName:
    return InvalidName(
        f"{text!r} is not a pattern of paths: {why}",
        remedy="Write for example {patient}/{view}.png, or images/**/*.jpg.",
    )
