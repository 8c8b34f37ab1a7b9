"""Carries one command out in a process that was forked from a warm one: see `app.running`."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

from towpath.build.compute import last_words
from towpath.cli.main import main

if TYPE_CHECKING:
    from towpath.build.compute.contract import Emit


def carry_out(order: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Run the program with `arguments`; return its exit code, and the JSON that it printed last."""
    del emit
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(order["arguments"])
    return {"code": code, "said": last_words(printed.getvalue().encode())}
