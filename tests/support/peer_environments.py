"""Other platforms' own packages, in environments that are made for a test and thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from missing import missing

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITHIN_S = 240
_MADE = "the environment is there"
_READY = f"import sys; print({_MADE!r}, file=sys.stderr, flush=True)\n"


def ask_peer(script: str, packages: Sequence[str], *args: str) -> Any:
    """Run a script where these packages are installed, and return the JSON that it prints last.

    Skips, visibly, where uv or the package index is not there.
    """
    uv = shutil.which("uv")
    if uv is None:
        missing("uv is not installed")
    command = [uv, "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable]
    for package in packages:
        command += ["--with", package]
    known = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            [*command, "python", "-c", _READY + script, *args],
            check=False,
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
            env=known,
        )
    except subprocess.TimeoutExpired:
        missing(f"{packages[0]} could not be installed and asked in {_WITHIN_S} s")
    if done.returncode and _MADE not in done.stderr:
        missing(f"{packages[0]} could not be installed: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
