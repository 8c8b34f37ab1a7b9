"""Patterns over paths: which ones match, and what their parts are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from towpath.core.errors import InvalidName

_TOKEN = re.compile(
    r"\{(?P<name>[^{}]*)\}|(?P<deep>\*\*/?)|(?P<star>\*)|(?P<any>\?)|(?P<text>[^*?{}]+)"
)
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A parsed pattern: `{name}` is one part, `*` and `?` stay within a folder, `**` crosses them.

    A name stands for at least one character and, like `*`, for as few as will do.
    """

    text: str
    names: tuple[str, ...]
    regex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            InvalidName: A brace is not closed, or a name is not one or occurs twice.
        """
        parts: list[str] = []
        names: list[str] = []
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise _invalid(text, "it has a brace that is not closed")
            at = token.end()
            kind = token.lastgroup
            if kind == "name":
                name = token["name"]
                if not _NAME.fullmatch(name) or name in names:
                    raise _invalid(text, f"{name!r} is not a name, or occurs twice")
                names.append(name)
                parts.append(f"(?P<{name}>[^/]+?)")
            elif kind == "deep":
                parts.append("(?:[^/]+/)*?" if token["deep"].endswith("/") else ".*?")
            elif kind == "star":
                parts.append("[^/]*?")
            elif kind == "any":
                parts.append("[^/]")
            else:
                parts.append(re.escape(token["text"]))
        return cls(text, tuple(names), "".join(parts))

    def match(self, path: str) -> dict[str, str] | None:
        """Return the named parts of a path; None if it does not match."""
        found = _compiled(self.regex).fullmatch(path)
        return None if found is None else found.groupdict()


@lru_cache(maxsize=64)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL)


def _invalid(text: str, why: str) -> InvalidName:
    return InvalidName(
        f"{text!r} is not a pattern of paths: {why}",
        remedy="Write for example {patient}/{view}.png, or images/**/*.jpg.",
    )
