"""Which past windows a live one is comparable with: those of its hour, its weekday, its season.

A Sunday is no drift for being unlike a Monday, nor a night for being unlike the day. So a window is
compared with the training data's blocks of the same phase, and how unusual it is goes by how far each
of the training's own windows is from the others of *its* phase, over all phases together: phases share
one scale, which a few dozen windows tell well, where those of one phase alone would not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.blocks import Calendar
    from towpath.operate.monitoring.findings import Window

    Floats: TypeAlias = "npt.NDArray[np.float64]"
    Ints: TypeAlias = "npt.NDArray[np.int64]"

Season = Literal["auto", "none", "week", "year"]

_DAY = 24
_RECENT_DAYS = 60
_LEAST_OF_PHASE = 4
_YEAR_DAYS = 330
_AROUND_DAYS = 15
_WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")  # 1970


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparable:
    """How to make a reference's blocks into quiet windows, and into what each is compared with.

    All matrices have a column per block of the reference, 1 for those that take part.

    Attributes:
        windows: `(n, blocks)`: the blocks of each quiet window, as long as the live one.
        rests: `(n, blocks)`: those of the same phase, without the window's own.
        live: `(blocks,)`: those that the live window is compared with.
        independent: How many windows without overlap the quiet ones amount to, less those that the
            phases' own means use up.
        basis: In words, for people: `8 Mondays`, `all 20 days: too few weeks to tell weekdays apart`.
    """

    windows: Floats
    rests: Floats
    live: Floats
    independent: float
    basis: str


def comparable(calendar: Calendar, blocks: int, window: Window, season: Season) -> Comparable:
    """Choose what a live window is compared with.

    Args:
        calendar: When the reference's blocks were.
        blocks: How many there are.
        window: The live one: hours that divide a day, or whole days.
        season: `auto` takes the season of the year where the training knows the year, else the weekday
            where it has four of each, else neither. Windows within a day are compared with the same
            hours in any case. What was asked for and can't be had is said in `basis`.
    """
    if not calendar.starts:
        every = np.eye(blocks)
        return Comparable(
            windows=every,
            rests=1.0 - every,
            live=np.ones(blocks),
            independent=blocks,
            basis=f"{blocks} slices of the training rows, which have no time",
        )
    hours = round((window.until - window.since).total_seconds() / 3600)
    first = round(window.since.timestamp() / 3600)
    units = _Units.of(calendar, hours)
    if hours < _DAY:
        return _of_hours(units, first, hours, season)
    if hours == _DAY:
        return _of_days(units, first // _DAY, season)
    return _of_spans(units, first // _DAY, hours // _DAY, season)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Units:
    """The blocks put together into days, or hours of a window within a day; oldest first.

    Attributes:
        starts: First hour of each unit.
        members: `(units, blocks)`, 1 where a block is part of the unit.
    """

    starts: Ints
    members: Floats

    @classmethod
    def of(cls, calendar: Calendar, hours: int) -> _Units:
        starts = np.array(calendar.starts, dtype=np.int64)
        length = min(hours, _DAY)
        fine = np.array(calendar.hours) <= length if hours < _DAY else np.ones(len(starts), bool)
        unit = starts // length * length
        found = np.unique(unit[fine])
        members = ((unit[None, :] == found[:, None]) & fine[None, :]).astype(np.float64)
        return cls(starts=found, members=members)

    def recent(self) -> _Units:
        """Return the units of the newest sixty days."""
        newest = np.unique(self.starts // _DAY)[-_RECENT_DAYS:]
        kept = self.starts // _DAY >= newest.min()
        return _Units(starts=self.starts[kept], members=self.members[kept])

    def by_phase(self, phases: Ints, live: int, basis: str) -> Comparable:
        """Compare each unit with the others of its phase."""
        same = (phases[:, None] == phases[None, :]).astype(np.float64)
        np.fill_diagonal(same, 0.0)
        several = same.sum(axis=1) > 0
        return Comparable(
            windows=self.members[several],
            rests=(same @ self.members)[several],
            live=(phases == live).astype(np.float64) @ self.members,
            independent=float(several.sum() - len(np.unique(phases[several])) + 1),
            basis=basis,
        )


def _of_hours(units: _Units, first: int, hours: int, season: Season) -> Comparable:
    at = units.starts % _DAY
    live = first % _DAY
    days = int((at == live).sum())
    clock = f"{live:02d}:00 to {(live + hours) % _DAY:02d}:00 UTC"
    if season in ("auto", "week"):
        weekday = units.starts // _DAY % 7
        phases, wanted = weekday * _DAY + at, first // _DAY % 7 * _DAY + live
        if _enough(weekday[at == live]):
            count = int((phases == wanted).sum())
            return units.by_phase(
                phases, wanted, f"{count} {_WEEKDAYS[first // _DAY % 7]}s, {clock}"
            )
    return units.by_phase(at, live, f"{days} days, {clock}{_too_few(season)}")


def _of_days(units: _Units, day: int, season: Season) -> Comparable:
    if season in ("auto", "year") and _covers_a_year(units):
        return _of_season(units, day, 1)
    recent = units.recent()
    weekdays = recent.starts // _DAY % 7
    if season in ("auto", "week") and _enough(weekdays):
        count = int((weekdays == day % 7).sum())
        return recent.by_phase(weekdays, day % 7, f"{count} {_WEEKDAYS[day % 7]}s")
    every = np.zeros(len(recent.starts), dtype=np.int64)
    return recent.by_phase(every, 0, f"all {len(every)} days{_too_few(season)}")


def _of_spans(units: _Units, day: int, days: int, season: Season) -> Comparable:
    if season in ("auto", "year") and _covers_a_year(units):
        return _of_season(units, day, days)
    recent = units.recent()
    spans = _rolling(len(recent.starts), days)
    return Comparable(
        windows=spans @ recent.members,
        rests=(1.0 - spans) @ recent.members,
        live=recent.members.sum(axis=0),
        independent=len(recent.starts) / days,
        basis=f"spans of {days} days among {len(recent.starts)}"
        + (_too_few(season) if season == "year" else ""),
    )


def _of_season(units: _Units, day: int, days: int) -> Comparable:
    """Compare with the days around the same date, in the years that the training knows."""
    dates = units.starts // _DAY
    spans = _rolling(len(dates), days)
    middles = (spans @ dates) / days
    near = _apart(middles[:, None], dates[None, :]) <= _AROUND_DAYS + days / 2
    live = _apart(np.array([day + (days - 1) / 2]), dates) <= _AROUND_DAYS + days / 2
    rests = near * (1.0 - spans)
    several = rests.sum(axis=1) > 0
    return Comparable(
        windows=(spans @ units.members)[several],
        rests=(rests @ units.members)[several],
        live=live.astype(np.float64) @ units.members,
        independent=max(1.0, (len(dates) - len(dates) / (2 * _AROUND_DAYS + 1)) / days),
        basis=f"{int(live.sum())} days around the same date in earlier years",
    )


def _rolling(days: int, length: int) -> Floats:
    """Return `(spans, days)`: 1 for the days of each span of so many in a row."""
    first = np.arange(max(0, days - length + 1))[:, None]
    at = np.arange(days)[None, :]
    return ((at >= first) & (at < first + length)).astype(np.float64)


def _apart(one: Floats, two: Floats | Ints) -> Floats:
    """Return how many days lie between two dates, the year left aside."""
    away = np.abs(one - two) % 365.25
    return np.minimum(away, 365.25 - away)


def _covers_a_year(units: _Units) -> bool:
    return bool(len(units.starts)) and units.starts[-1] - units.starts[0] >= _YEAR_DAYS * _DAY


def _enough(weekdays: Ints) -> bool:
    found, counts = np.unique(weekdays, return_counts=True)
    return len(found) == 7 and counts.min() >= _LEAST_OF_PHASE


def _too_few(season: Season) -> str:
    if season == "none":
        return ""
    if season == "year":
        return ": the training data does not reach back a year"
    return ": too few weeks to tell weekdays apart"
