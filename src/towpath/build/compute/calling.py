"""Calls a task's function and turns whatever happens into plain values."""

from __future__ import annotations

import importlib
import site
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from towpath.build.compute.contract import Emit, TaskFunction

_MESSAGE_CHARS = 1_000
_TRACEBACK_CHARS = 6_000
_LIBRARIES = tuple(
    {
        sysconfig.get_paths()["stdlib"],
        sysconfig.get_paths()["purelib"],
        sysconfig.get_paths()["platlib"],
        *site.getsitepackages(),
        str(Path(__file__).parents[2]),
    }
)


def call(name: str, payload: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Import `package.module:function`, call it, and return the fields of an `Outcome`."""
    try:
        module, _, attribute = name.partition(":")
        function = cast("TaskFunction", getattr(importlib.import_module(module), attribute))
        value = function(payload, emit)
    except (Exception, SystemExit) as error:  # noqa: BLE001  told in the outcome, whatever it is
        return {"status": "failed", **describe(error)}
    return {"status": "done", "value": value}


def describe(error: BaseException) -> dict[str, Any]:
    """Return `error`, `message`, `traceback` and `error_code` for an exception.

    `error` names the type and the innermost line that is the user's own; unlike the message it quotes
    no data, so it may be stored.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((*_LIBRARIES, "<frozen"))]
    place = own[-1] if own else (frames[-1] if frames else None)
    where = f" at {Path(place.filename).name}:{place.lineno} in {place.name}" if place else ""
    shown = frames[frames.index(own[0]) :] if own else frames
    lines = traceback.format_list(shown) + traceback.format_exception_only(error)
    text = "".join(lines)
    if error.__cause__ is not None:
        cause = "".join(traceback.format_exception_only(error.__cause__))
        text = f"{text}caused by {cause}"
    return {
        "error": f"{type(error).__name__}{where}",
        "error_code": error.code if isinstance(error, TowpathError) else "",
        "message": _words(error)[:_MESSAGE_CHARS],
        "traceback": text[-_TRACEBACK_CHARS:],
    }


def _words(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the step called sys.exit({error.code!r})"
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001  an exception whose __str__ raises still has a type
        return type(error).__name__


def flush_streams() -> None:
    """Push out what the task printed, before its process or its log goes away."""
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
