"""Exceptions as logs tell them: what kind, and where; what they quote may be about somebody."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger


def tell_crash(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by `exception`: the lines of code that were passed, and the kinds of error.

    Messages of our own errors hold no values of people, and stay. Those of others do: a library that
    can't convert a value says which one. A structlog processor.
    """
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = "\nwhich followed from\n".join(map(_told, _chain(error)))
    return event


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and what it came of, as Python would print them, the last one first."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
    return chain


def _told(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    said = f": {error}" if isinstance(error, TowpathError) else ""
    return "".join(traceback.format_tb(error.__traceback__)) + kind + said
