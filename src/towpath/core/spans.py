"""What is traced: spans, as the parts that make them see them.

A part that can be traced takes `Spans | None`. With None, which is the default everywhere, it does not even
ask: the traced form of a part wraps the plain one, and is not built. The names of spans and attributes follow
OpenTelemetry's semantic conventions where there is one. Nothing here may hold a person's value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Span(Protocol):
    """Something that is going on. Thread-safe; end it once."""

    @property
    def traceparent(self) -> str:
        """Itself, as whatever it calls is told: https://www.w3.org/TR/trace-context/, section 3.2."""
        ...

    def note(self, **attributes: str | float | bool) -> None:
        """Add attributes; a `__` in a name stands for a dot."""
        ...

    def end(self, failure: str | None = None) -> None:
        """End it now, as failed where there is a failure to name: a class or a status, never a message."""
        ...


class Spans(Protocol):
    """Where spans begin. Thread-safe, and safe to be forked."""

    def begin(
        self,
        name: str,
        *,
        parent: str | None = None,
        is_server: bool = False,
        attributes: Mapping[str, str | float | bool] | None = None,
    ) -> Span:
        """Begin a span now.

        Args:
            name: Of a kind of thing, such as `POST /v2/models/{model}/infer`: few differ.
            parent: The traceparent of the caller; anything malformed is as None: a trace of its own.
            is_server: Whether somebody outside asked for it.
            attributes: What is known of it already.
        """
        ...

    def close(self) -> None:
        """Send what was not sent yet, for a few seconds at most."""
        ...


def is_traceparent(text: str) -> bool:
    """Tell whether a text is a traceparent, of this version of the format or a later one."""
    if not _TRACEPARENT.fullmatch(text[:55]) or text.startswith("ff"):
        return False
    is_longer = len(text) > 55
    later = not text.startswith("00") and text[55:56] == "-"
    return (not is_longer or later) and text[3:35].strip("0") != "" and text[36:52].strip("0") != ""
