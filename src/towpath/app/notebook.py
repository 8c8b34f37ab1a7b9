"""A home for notebooks and scripts: what the command line opens, in one call."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.app.home import Home, open_home
from towpath.app.place import resolve_place
from towpath.build.pipelines.authoring.reporting import current_run
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.trace.audit import WatchedDecisionLog


class ScriptHome(Home):
    """A home in a person's hands: whoever reads decisions in it is entered in the log."""

    @property
    def decisions(self) -> WatchedDecisionLog:
        """Recorded predictions and their labels. Each reading is entered in the log."""
        return self._watched

    @cached_property
    def _watched(self) -> WatchedDecisionLog:
        from towpath.trace.audit import WatchedDecisionLog  # noqa: PLC0415 -- as in `home`

        actor = "script" if self.run is None else f"run:{self.run}"
        return WatchedDecisionLog(self.ledger, self.blobs, self.decisions_dir, actor=actor)


def home(directory: str | Path = ".", **flags: object) -> ScriptHome:
    """Open the home of a project, as the command line does in its folder.

    Use it in a `with` block, or close it. Inside a step, versions of data sets that are committed with
    it are recorded as made by the step's run, unless the caller names another. Settings come from the project's file and the environment.

    Args:
        directory: The project's folder, or one inside it.
        flags: Settings that go before those, such as `home=` or `database=`.

    Raises:
        UsageError: There is no project and no home there.
        InvalidSetting: A setting is unknown or of the wrong type.
    """
    place = resolve_place(Path(directory), flags=flags, environ=os.environ)
    if place.is_a_guess and not place.home.exists():
        raise UsageError(
            f"there is no project in {place.root}, and no home",
            remedy="Name a project's folder, or say where: home('.', home='data').",
        )
    opened = open_home(place, kind=ScriptHome)
    opened.run = current_run()
    return opened
