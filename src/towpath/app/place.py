"""From a folder, the environment and the command line to settings with absolute paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.core.settings import Settings, resolve_settings
from towpath.operate.projects import find_project_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command works.

    Attributes:
        root: The project's folder, or the one the command was given.
        home: Where everything is kept, absolute.
        settings: The resolved settings.
    """

    root: Path
    home: Path
    settings: Settings

    @property
    def database_url(self) -> str:
        """The database; SQLite in the home unless set."""
        return self.settings.database or f"sqlite:///{self.home / 'towpath.db'}"

    @property
    def blobs_url(self) -> str:
        """The blob store; a folder in the home unless set."""
        return self.settings.blobs or (self.home / "blobs").as_uri()


def resolve_place(
    directory: Path, *, flags: Mapping[str, object], environ: Mapping[str, str]
) -> Place:
    """Find the settings file from `directory` upwards and merge flags and environment over it.

    Raises:
        InvalidSetting: A setting is unknown or of the wrong type.
        InvalidProject: The settings file is not TOML.
    """
    found = find_project_file(directory)
    settings = resolve_settings(
        flags=flags,
        environ=environ,
        file=None if found is None else found.values,
        file_name="towpath.toml" if found is None else found.source.name,
    )
    root = directory.resolve() if found is None else found.root
    return Place(root=root, home=(root / settings.home).resolve(), settings=settings)
