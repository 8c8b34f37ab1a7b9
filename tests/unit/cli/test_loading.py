"""What a command loads before it does anything: people wait for it each time they type one."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from towpath.cli import datasets

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {"polars", "pyarrow", "numpy", "pandas", "sklearn", "lightgbm", "httpx"}
PROGRAM = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from towpath.cli import main

loaded = {}
for line in sys.argv[1:]:
    with redirect_stdout(StringIO()):
        assert main(line.split()) == 0, line
    loaded[line] = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps(loaded))
"""


def loaded_by(*lines: str) -> dict[str, set[str]]:
    """Run commands in one process, and return the packages that were loaded after each of them."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *lines], capture_output=True, text=True, check=True
    )
    return {line: set(names) for line, names in json.loads(done.stdout).items()}


def test_saying_its_version_opens_nothing():
    assert not loaded_by("--version")["--version"] & {"sqlalchemy", *TABLES}


def test_listing_loads_what_keeps_the_record_and_nothing_that_reads_tables(tmp_path: Path):
    lines = [
        f"{command} --home {tmp_path} --json"
        for command in ("model list", "dataset list", "runs", "audit events")
    ]
    after_all = loaded_by(*lines)[lines[-1]]
    assert "sqlalchemy" in after_all  # or nothing was asked
    assert not after_all & TABLES


@pytest.mark.parametrize("name", datasets._ELSEWHERE)
def test_a_command_that_is_named_says_what_its_function_says(name: str):
    module, said = datasets._ELSEWHERE[name]
    function = getattr(importlib.import_module(f"towpath.cli.{module}"), name.replace("-", "_"))
    assert inspect.getdoc(function).partition("\n\n")[0].replace("\n", " ") == said
