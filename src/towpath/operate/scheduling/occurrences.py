"""When a cron expression says so: its moments in a time zone, told in UTC.

Expressions have the five fields of cron, and days of time changes follow Debian's cron: a time that is
skipped in spring happens at the change, one that comes twice in autumn happens once, and what happens
every hour or oftener follows the hands of the clock (cron(8); the algorithm is cronsim's).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANY_TIME = datetime(2024, 1, 1, tzinfo=UTC)
_FIELDS = 5


def occurrences(cron: str, tz: str, after: datetime) -> Iterator[datetime]:
    """Yield the moments after `after`, oldest first, for about fifty years.

    Raises:
        InvalidProject: The expression or the time zone is none.
    """
    for moment in _simulate(cron, tz, after):
        yield moment.astimezone(UTC)


def latest(cron: str, tz: str, until: datetime) -> datetime | None:
    """Return the last moment at or before `until`; None where there is none in fifty years."""
    just_after = until.replace(microsecond=0) + timedelta(seconds=1)
    found = next(_simulate(cron, tz, just_after, reverse=True), None)
    return None if found is None else found.astimezone(UTC)


def check_cron(cron: str, tz: str) -> None:
    """Refuse an expression that can't be read, or that never comes.

    Raises:
        InvalidProject: It is one of these, or the time zone is unknown.
    """
    if next(occurrences(cron, tz, _ANY_TIME), None) is None:
        raise InvalidProject(
            f"the cron expression {cron!r} never comes", remedy="Check its day and month."
        )


def _simulate(cron: str, tz: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    if len(cron.split()) != _FIELDS:
        raise InvalidProject(
            f"{cron!r} has not the five fields of cron",
            remedy="Write minute hour day month weekday, such as '0 3 * * *'.",
        )
    try:
        return CronSim(cron, start.astimezone(_zone(tz)), reverse=reverse)
    except CronSimError as error:
        raise InvalidProject(
            f"{cron!r} is not a cron expression: {error}",
            remedy="Write minute hour day month weekday, such as '0 3 * * *'.",
        ) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidProject(
            f"there is no time zone {name!r}", remedy="Use a name such as 'Europe/Paris' or 'UTC'."
        ) from error
