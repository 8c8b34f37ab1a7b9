"""From a folder, the environment and the command line to settings with absolute paths."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath.core.errors import InvalidProject
from towpath.core.settings import Settings, resolve_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


SETTINGS_FILE = "towpath.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command works.

    Attributes:
        root: The project's folder, or the one the command was given.
        home: Where everything is kept, absolute.
        settings: The resolved settings.
        is_a_guess: Nobody said where: no settings file was found, and no home or database given.
    """

    root: Path
    home: Path
    settings: Settings
    is_a_guess: bool = False

    @property
    def database_url(self) -> str:
        """The database; SQLite in the home unless set."""
        return self.settings.database or f"sqlite:///{self.home / 'towpath.db'}"

    @property
    def blobs_url(self) -> str:
        """The blob store; a folder in the home unless set."""
        return self.settings.blobs or (self.home / "blobs").as_uri()

    @property
    def online_url(self) -> str:
        """The online store; files in the home unless set."""
        folder = (self.home / "online").as_uri()
        return self.settings.online or folder.replace("file:", "lmdb:", 1)


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
    unsaid = found is None and settings.home == Settings().home and settings.database is None
    return Place(
        root=root, home=(root / settings.home).resolve(), settings=settings, is_a_guess=unsaid
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A folder that holds a project, and what its settings file says.

    Attributes:
        root: The folder; imports and relative paths start here.
        values: The settings file's table.
        source: The settings file itself.
    """

    root: Path
    values: dict[str, Any]
    source: Path


def find_project_file(start: Path) -> ProjectFile | None:
    """Return the nearest `towpath.toml`, or `[tool.towpath]` of a `pyproject.toml`, from `start` up.

    Raises:
        InvalidProject: The file is not TOML.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        settings = folder / SETTINGS_FILE
        if settings.is_file():
            return ProjectFile(root=folder, values=_read_toml(settings), source=settings)
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file():
            table = _read_toml(pyproject).get("tool", {}).get("towpath")
            if table is not None:
                return ProjectFile(root=folder, values=table, source=pyproject)
    return None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidProject(f"{path} is not TOML: {error}", remedy="Mend the file.") from error
