"""The options that every command takes, and the home that they open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Group, Parameter

from towpath.app.home import Home, open_home
from towpath.app.place import Place, resolve_place
from towpath.cli.logs import configure_logs
from towpath.core.errors import InvalidProject, UsageError

if TYPE_CHECKING:
    from towpath.operate.projects import Project

COMMON = Group("Common options", sort_key=99)
Flag: TypeAlias = Annotated[bool, Parameter(negative="", show_default=False)]
Repeated: TypeAlias = Annotated[
    tuple[str, ...], Parameter(negative="", show_default=False, metavar="NAME=VALUE")
]


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True, kw_only=True)
class Common:
    """Where to work, and for whom to print.

    Attributes:
        directory: Folder of the project; its settings file is looked for from here upwards.
        home: Folder for everything Towpath keeps.
        database: Database URL, instead of SQLite in the home.
        blobs: Blob store URL, instead of the home.
        replay: Follow the replayed clock of the home.
        json: Print one JSON value to standard output.
    """

    directory: Annotated[Path, Parameter(name=["--directory", "-C"], show_default=False)] = Path()
    home: Path | None = None
    database: str | None = None
    blobs: str | None = None
    replay: Annotated[bool | None, Parameter(negative="")] = None
    json: Flag = False

    def open(self, *, connect: bool = True, **flags: object) -> Home:
        """Resolve the settings and open the home that they name; `connect` as in `open_home`.

        Raises:
            UsageError: Nothing says which home is meant, and there is none here. Looking around in
                the wrong folder shall not leave an empty home behind.
        """
        place = self.place(**flags)
        if place.is_a_guess and not place.home.exists():
            raise UsageError(
                f"there is no project in {place.root}, and no home",
                remedy="Go to a project's folder, make one (towpath init NAME), or give --home.",
            )
        return open_home(place, connect=connect)

    def place(self, **flags: object) -> Place:
        """Resolve the settings, command line first, without opening anything; set logs up by them."""
        given: dict[str, object] = {
            "home": None if self.home is None else str(self.home.resolve()),
            "database": self.database,
            "blobs": self.blobs,
            "replay": self.replay,
            **flags,
        }
        place = resolve_place(self.directory, flags=given, environ=os.environ)
        configure_logs(place.settings.log_level, place.settings.log_format)
        return place

    def project(self) -> Project:
        """Load the project of the folder.

        Raises:
            InvalidProject: No settings file names one.
        """
        from towpath.operate.projects import load_project

        place = self.place()
        if place.settings.project is None:
            raise InvalidProject(
                f"no settings file in {place.root} names a project",
                remedy="Run this in a project's folder, or make one: towpath init NAME.",
            )
        return load_project(place.root, place.settings.project)
