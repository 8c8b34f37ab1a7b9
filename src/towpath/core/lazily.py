"""Names of a package that are imported when they are asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's `__getattr__`, which imports a name's module the first time it is asked for.

    For the names of a package that take long to import and that most who import the package never use.
    Called while the package is imported; from then on `dir` names them too.

    Args:
        package: The package's `__name__`.
        homes: The module below the package in which each name is.
    """

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        return [*vars(module), *homes]

    module = sys.modules[package]
    module.__dir__ = names
    return find
