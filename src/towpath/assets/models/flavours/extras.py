"""Libraries that come with an extra, imported where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from towpath.core.errors import UsageError


def load_extra(module: str, extra: str) -> Any:
    """Import a library that the base installation does not bring.

    Raises:
        UsageError: It is not installed, or does not start; says what to install.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:  # a shared library that is missing is an OSError
        raise UsageError(
            f"models of this kind need {module.partition('.')[0]}, which can't be imported: {error}",
            remedy=f"Install it: pip install 'towpath[{extra}]'.",
            extra=extra,
        ) from error
