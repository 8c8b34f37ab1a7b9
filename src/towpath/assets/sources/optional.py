"""Packages that only some sources need."""

from __future__ import annotations

import importlib
from typing import Any

from towpath.core.errors import UsageError


def need(module: str, *, what: str, extra: str = "sources") -> Any:
    """Import an optional package.

    Args:
        module: The module to import.
        what: What can't be read without it.
        extra: Which of Towpath's extras brings it.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{what} can't be read: the package {module.partition('.')[0]} is not installed",
            remedy=f"Run pip install 'towpath[{extra}]'.",
            package=module,
        ) from error
