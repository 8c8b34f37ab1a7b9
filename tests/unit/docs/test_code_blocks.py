"""What stands in a block of code works: Python runs, commands are commands of the program."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from towpath.cli.main import app
from towpath.core.settings import resolve_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO = Path(__file__).resolve().parents[3] / "src" / "towpath" / "demo" / "project"
# What a page takes for granted, because it shows parts of something that stands elsewhere.
GIVEN = {
    "README.md": "import polars as pl\nfrom flights import Flight, observations, prepare\n",
}
OTHER_PROGRAMS = {"aws", "cd", "cp", "curl", "pg_dump", "pip", "python"}
ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in and import from, with the demo's project to import beside it."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(DEMO)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name in ("flights", "page_blocks"):
            del sys.modules[name]


def test_python_runs(python_page: Any, scratch: Path):
    module = scratch / "page_blocks.py"
    # One page is one program, its lines where they stand on the page.
    lines: list[str] = []
    for at, code in python_page.blocks("python"):
        lines += [""] * (at - 1 - len(lines))
        lines += code.splitlines()
    module.write_text(GIVEN.get(python_page.name, "") + "\n".join(lines) + "\n")
    found = __import__("page_blocks")
    for name, value in vars(found).items():
        if name.startswith("test_"):
            value()


def commands(block: str) -> Iterator[list[str]]:
    """Yield the words of every single command in a block."""
    for line in block.splitlines():
        words = shlex.split(line, comments=True)
        one: list[str] = []
        for word in [*words, "&&"]:
            if word in ("&&", "|", ";"):
                if one:
                    yield one
                one = []
            elif word == ">":
                yield one
                one = []
                break
            else:
                one.append(word)


def test_commands_are_commands_of_the_program(console_page: Any):
    for line, block in console_page.blocks("console"):
        for words in commands(block):
            check(words, f"{console_page.name}:{line}: {shlex.join(words)}")


def check(words: list[str], where: str) -> None:
    while words and ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    match words:
        case ["towpath", *rest]:
            parses(rest, where)
        case ["uv", "run", "towpath", *rest]:
            parses(rest, where)
        case ["uv", "run", "pytest"] | ["uv", "run", "python", "-m", "benchmarks", *_]:
            pass
        case [program, *_]:
            assert program in OTHER_PROGRAMS, where


def parses(words: list[str], where: str) -> None:
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except Exception as error:
        pytest.fail(f"{where}: {error}")


def test_json_is_json(json_page: Any):
    for _, block in json_page.blocks("json"):
        msgspec.json.decode(block)


def test_settings_are_settings(toml_page: Any):
    for _, block in toml_page.blocks("toml"):
        resolve_settings(file=tomllib.loads(block))
