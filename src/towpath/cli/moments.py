"""Times as people write them on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.clock import parse_time
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidName

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.app.home import Home


def moment(text: str | None, home: Home) -> datetime | None:
    """Read a time, or a span that lies back from now, by event time."""
    if text is None:
        return None
    try:
        return home.clock.now() - parse_duration(text)
    except InvalidName:
        return parse_time(text)
