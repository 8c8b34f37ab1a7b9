"""Commands of the program that a test starts in a folder: each ends in time, and none outlives the test."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Programs:
    """Runs `towpath` in a folder.

    Args:
        folder: Where.
        within_s: How long a command may take.
    """

    def __init__(self, folder: Path, *, within_s: float) -> None:
        self.folder = folder
        self._within_s = within_s
        self._started: list[subprocess.Popen[str]] = []

    def launch(self, *words: str, environ: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a command with variables of its own beside ours."""
        started = subprocess.Popen(
            [sys.executable, "-m", "towpath", *words],
            cwd=self.folder,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(started)
        return started

    def finish(self, started: subprocess.Popen[str]) -> str:
        """Wait for a command, and return what it printed."""
        try:
            out, err = started.communicate(timeout=self._within_s)
        except subprocess.TimeoutExpired:
            started.kill()
            said = started.communicate()
            pytest.fail(f"not over within {self._within_s} s: {started.args}: {said}")
        assert started.returncode == 0, f"{out}\n{err}"
        return out

    def close(self) -> None:
        """Kill what still runs."""
        for one in self._started:
            if one.poll() is None:
                one.kill()
            one.communicate()
