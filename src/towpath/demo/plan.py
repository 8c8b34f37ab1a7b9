"""How long and how dense the replayed year is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the demo replays.

    Attributes:
        first_day: Where the data begin.
        opening: When the first model is trained and live traffic begins.
        closing: The day by which the replay ends, whatever has happened.
        share: One flight in this many is put on the delay board; all of them reach the data sets.
        step: How far event time moves at once.
        feed_every: How often the flights that have landed are committed as a new version.
        withdraw_after: How long after the first finished rollout the aeroplane withdraws.
    """

    first_day: datetime = datetime(2013, 1, 1, tzinfo=UTC)
    opening: datetime = datetime(2013, 3, 1, 6, tzinfo=UTC)
    closing: datetime
    share: int
    step: timedelta
    feed_every: timedelta = timedelta(days=7)
    withdraw_after: timedelta = timedelta(days=2)

    def shortened(self, days: int | None) -> Plan:
        """Return the plan with its replay ended after so many days; None leaves it as it is."""
        if days is None:
            return self
        return replace(self, closing=min(self.closing, self.opening + timedelta(days=days)))


FAST = Plan(closing=datetime(2013, 9, 1, tzinfo=UTC), share=4, step=timedelta(days=1))
FULL = Plan(closing=datetime(2013, 12, 1, tzinfo=UTC), share=1, step=timedelta(days=1))
