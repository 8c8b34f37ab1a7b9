"""The program in this process: a project to work in, and what a command printed."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from towpath.cli import main
from towpath.cli.scaffold import scaffold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Printed:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="package", autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """Keep commands from pointing this process's loggers at a stream that a test captures."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("towpath.cli.main", "towpath.cli.options"):
            patch.setattr(importlib.import_module(module), "configure_logs", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def _nothing_imported_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test import its own copy of a project, and nobody else's settings."""
    for name in [name for name in os.environ if name.startswith("TOWPATH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("mine", "my_first_one"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="package")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scaffolded project with its data added, to be copied."""
    folder = scaffold("mine", tmp_path_factory.mktemp("scaffold"))
    assert (
        main(
            [
                "dataset",
                "add",
                "measurements",
                str(folder / "data" / "measurements.csv"),
                "--directory",
                str(folder),
            ]
        )
        == 0
    )
    sys.modules.pop("mine")
    return folder


@pytest.fixture
def project(scaffolded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of this test's own, and the current directory."""
    folder = tmp_path / "mine"
    shutil.copytree(scaffolded, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def towpath(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    """Run a command in this process."""

    def run(*words: object) -> Printed:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Printed(code=code, out=captured.out, err=captured.err)

    return run
