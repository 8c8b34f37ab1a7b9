"""Runs a command as a child process that ends with this one, and hears what it says last."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

_LOOK_EVERY_S = 0.1
_GRACE_S = 10.0
# Ties a command to this process: the kernel kills it when we die, before it could do anything else.
_TETHER = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code, negative for a signal; None if we ended it because we were told to stop.
        said: The JSON object on the last line of its standard output.
    """

    code: int | None
    said: dict[str, Any]


def run_command(command: Sequence[str], *, stop: threading.Event, cwd: Path | None = None) -> Ended:
    """Run a command to its end, or until `stop` is set.

    Its standard error is ours, and it gets nothing on its standard input.
    """
    tether = [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid())]
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(  # noqa: S603  the caller's own command line, no shell
            [*tether, *command], stdin=subprocess.DEVNULL, stdout=output, cwd=cwd
        ) as child,
    ):
        while True:
            try:
                code = child.wait(_LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    _end(child)
                    return Ended(code=None, said={})
        output.seek(0)
        return Ended(code=code, said=last_words(output.read()))


def last_words(output: bytes) -> dict[str, Any]:
    """Return the JSON object on the last line that a command printed; an explanation if there is none."""
    lines = [line for line in output.splitlines() if line.strip()]
    try:
        found = msgspec.json.decode(lines[-1]) if lines else None
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        return {"error": "the command did not say how it went"}
    return cast("dict[str, Any]", found)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
