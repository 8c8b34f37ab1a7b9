"""The commands by which one process has another work on the same home."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.app.home import Home


def compute_command(home: Home) -> Callable[[str], list[str]]:
    """Return what turns a version of a project's code into the command that computes features by it."""
    options = home_options(home)

    def command(code: str) -> list[str]:
        return [sys.executable, "-m", "towpath", "feature", "compute", "--code", code, *options]

    return command


def home_options(home: Home) -> list[str]:
    """Return the options that make another process open the same home."""
    place = home.place
    options = ["--home", str(place.home), "--directory", str(place.root)]
    if place.settings.database:
        options += ["--database", place.settings.database]
    if place.settings.blobs:
        options += ["--blobs", place.settings.blobs]
    if place.settings.replay:
        options.append("--replay")
    return options
