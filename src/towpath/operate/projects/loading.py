"""Loads a project from disk, with errors that point at the project's own lines."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from towpath.core.errors import InvalidProject, NotFound, TowpathError
from towpath.operate.projects.project import Project


def load_project(root: Path, entry: str, *, pristine: bool = False) -> Project:
    """Import `module:attribute` with `root` first on the path and return the project it names.

    Args:
        root: The project's folder.
        entry: Where the project is, `module:attribute`.
        pristine: The folder must go on holding exactly the files of a code version: from now on this
            process keeps no bytecode beside the modules that it imports.

    Raises:
        InvalidProject: The module does not import (the message names the project's own line), or the
            attribute is not a `Project`.
    """
    module_name, colon, attribute = entry.partition(":")
    if not colon or not module_name or not attribute:
        raise InvalidProject(
            f"project = {entry!r} does not say where the project is",
            remedy="Write module:attribute, such as 'flights:project'.",
        )
    if pristine:
        sys.dont_write_bytecode = True
    module = _import(root, module_name)
    found = getattr(module, attribute, None)
    if found is None:
        known = [name for name, value in vars(module).items() if isinstance(value, Project)]
        raise NotFound.named(f"attribute in module {module_name!r}", attribute, known)
    if not isinstance(found, Project):
        raise InvalidProject(
            f"{entry} is a {type(found).__name__}, not a Project",
            remedy=f"Assign {attribute} = tp.Project(…).",
        )
    return found


def _import(root: Path, module_name: str) -> Any:
    text = str(root)
    if text not in sys.path:
        sys.path.insert(0, text)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except TowpathError as error:
        where = _where(error, root)
        raise InvalidProject(f"{where}: {error.message}", remedy=error.remedy) from error
    except Exception as error:
        where = _where(error, root)
        raise InvalidProject(
            f"{where}: {type(error).__name__}: {error}",
            remedy="Mend the project file; python -c 'import "
            f"{module_name}' shows the whole traceback.",
        ) from error


def _where(error: BaseException, root: Path) -> str:
    """Return `file:line` of the innermost frame that lies in the project."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if Path(one.filename).is_relative_to(root)]
    if not own:
        return str(root)
    return f"{Path(own[-1].filename).relative_to(root)}:{own[-1].lineno}"
