"""Libraries that only some people need, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from towpath.core.errors import UsageError


def require(module: str, *, extra: str) -> Any:
    """Import an optional library.

    Raises:
        UsageError: It is not installed; says which of our extras brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{module} is not installed", remedy=f"Install it: pip install 'towpath[{extra}]'."
        ) from error
