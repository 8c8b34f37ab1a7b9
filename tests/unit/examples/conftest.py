"""Examples as somebody tries them: their data made, added, and their pipelines run, in this process."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from towpath.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A copy of one example, with a home of its own."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def say(self, *words: str) -> tuple[int, Any]:
        """Return a command's exit code and what it answered."""
        self.capture.readouterr()
        code = main([*words, "--json", "--directory", str(self.folder)])
        said = self.capture.readouterr()
        assert code in (0, 3), said.err
        return code, msgspec.json.decode(said.out.strip().splitlines()[-1])

    def shown(self, *words: str) -> str:
        """Return what a command prints for people."""
        self.capture.readouterr()
        assert main([*words, "--directory", str(self.folder)]) == 0
        return self.capture.readouterr().out


@pytest.fixture
def example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str, str, str], Example]]:
    """Return what copies an example, makes its data and adds it to a data set."""
    for module in ("towpath.cli.main", "towpath.cli.options"):
        monkeypatch.setattr(importlib.import_module(module), "configure_logs", lambda *_: None)
    for name in [name for name in os.environ if name.startswith("TOWPATH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def start(name: str, script: str, dataset: str) -> Example:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder)
        monkeypatch.chdir(folder)
        subprocess.run([sys.executable, script], cwd=folder, check=True)
        (data,) = folder.glob("*.parquet")
        made = Example(folder=folder, capture=capsys)
        made.say("dataset", "add", dataset, str(data))
        return made

    yield start
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]
