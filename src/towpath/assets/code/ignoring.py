"""Which files of a folder are left out: gitignore patterns, and what is never code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

IGNORE_FILES = (".gitignore", ".towpathignore")
_NEVER = (
    ".*",
    "__pycache__/",
    "*.pyc",
    "*.egg-info/",
    "node_modules/",
    "venv/",
    "/build/",
    "/dist/",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern of an ignore file.

    Attributes:
        pattern: Matches paths relative to the folder of the ignore file.
        keep: Whether it takes matching files back in (`!pattern`).
        folders_only: Whether it matches folders alone (`pattern/`).
    """

    pattern: re.Pattern[str]
    keep: bool
    folders_only: bool


def parse_rules(text: str | Iterable[str]) -> list[Rule]:
    """Read an ignore file: blank lines and comments go, later lines win.

    Understands what gitignore documents: `*`, `?`, `[…]`, `**`, a leading `/` or an inner one to
    anchor, a trailing `/` for folders, `!` to take back in.
    """
    lines = text.splitlines() if isinstance(text, str) else text
    rules: list[Rule] = []
    for raw in lines:
        line = raw.rstrip()
        if not line or line.startswith("#"):
            continue
        keep = line.startswith("!")
        body = line[1:] if keep else line.removeprefix("\\")
        folders_only = body.endswith("/")
        body = body.rstrip("/")
        anchored = "/" in body
        pattern = _translate(body.lstrip("/"), anchored=anchored)
        rules.append(Rule(pattern=pattern, keep=keep, folders_only=folders_only))
    return rules


def kept_files(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder that no rule leaves out, sorted by path.

    A folder that is left out is not entered. Ignore files in subfolders count there. Symbolic links
    are yielded like what they point at, but linked folders are not entered.
    """
    yield from _walk(folder, folder, [(folder, parse_rules(_NEVER))])


def _walk(top: Path, folder: Path, rules: list[tuple[Path, list[Rule]]]) -> Iterator[Path]:
    own = [(folder, parse_rules(text)) for text in _ignore_texts(folder)]
    rules = [*rules, *own]
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        is_folder = entry.is_dir() and not entry.is_symlink()
        if _ignored(entry, rules, is_folder=is_folder):
            continue
        if is_folder:
            yield from _walk(top, entry, rules)
        elif entry.is_file():
            yield entry


def _ignore_texts(folder: Path) -> Iterator[str]:
    for name in IGNORE_FILES:
        path = folder / name
        if path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")


def _ignored(entry: Path, rules: list[tuple[Path, list[Rule]]], *, is_folder: bool) -> bool:
    verdict = False
    for base, group in rules:
        relative = entry.relative_to(base).as_posix()
        for rule in group:
            if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(relative):
                verdict = not rule.keep
    return verdict


def _translate(pattern: str, *, anchored: bool) -> re.Pattern[str]:
    """Turn a glob into an expression over a relative path."""
    out = "" if anchored else "(?:.*/)?"
    position = 0
    while position < len(pattern):
        rest = pattern[position:]
        if rest.startswith("**/"):
            out, position = out + "(?:.*/)?", position + 3
        elif rest.startswith("**"):
            out, position = out + ".*", position + 2
        elif rest[0] == "*":
            out, position = out + "[^/]*", position + 1
        elif rest[0] == "?":
            out, position = out + "[^/]", position + 1
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            inside = rest[1:end].replace("\\", "\\\\")
            negated = inside.startswith("!")
            out += f"[{'^' if negated else ''}{inside[1:] if negated else inside}]"
            position += end + 1
        else:
            literal = rest[1:2] if rest[0] == "\\" and len(rest) > 1 else rest[0]
            out, position = out + re.escape(literal), position + 1 + (literal != rest[0])
    return re.compile(out)
