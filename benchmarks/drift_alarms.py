"""Who cries wolf: false alarms in quiet weeks, and days until a small drift is found.

Days wobble: no two of them have quite the same distribution, however harmless. Rules that test whether
today differs from the training rows at all find that it does, every day. Here the same days are judged
by such rules and by ours, through the code that a monitor runs; then a year of real flights, as it was
and with its days shuffled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl
from scipy import stats

from benchmarks.harness import Result
from towpath.assets.datasets.profiles import compare
from towpath.assets.models.blocks import Blocks
from towpath.assets.models.columns import count_column
from towpath.assets.models.reference import Reference
from towpath.demo.feed import Feed
from towpath.operate.monitoring import Drift
from towpath.operate.monitoring.counts import WindowCounts, count_rows
from towpath.operate.monitoring.detector import discoveries
from towpath.operate.monitoring.drift import judge_drift
from towpath.operate.monitoring.findings import Finding, Window
from towpath.operate.monitoring.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SIZES = {"1k": 1_000, "3k": 3_000, "10k": 10_000}
"""Rows of a day."""

REPETITIONS = {"1k": 16, "3k": 12, "10k": 8}
COLUMNS = 10
WOBBLE_SD, DRIFT_SD = 0.03, 0.05
TRAINED_DAYS, QUIET_DAYS, DRIFTED_DAYS = 56, 45, 45
ALPHA = 0.05
START = datetime(2024, 1, 1, tzinfo=UTC)
FLIGHT_COLUMNS = ("carrier", "origin", "distance", "minute_of_day", "temp", "dewp", "humid",
                  "wind_speed", "precip", "pressure", "visib")  # fmt: skip
FLIGHT_TRAINED_DAYS = 59
SHUFFLES = 10

Rule: TypeAlias = Callable[[Reference, WindowCounts, Finding], bool]


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Judge the same days by all rules: at each size, then the flights."""
    ours: dict[str, Any] = {}
    theirs: dict[str, dict[str, Any]] = {name: {} for name in RULES}
    seconds: dict[str, float] = {}
    for size in sizes:
        began = time.process_time()
        found = _repeated(SIZES[size], REPETITIONS[size])
        seconds[size] = (time.process_time() - began) / REPETITIONS[size]
        ours[size] = found.pop(OURS)
        for name, one in found.items():
            theirs[name][size] = one
    flights = _flights()
    ours["flights"] = flights.pop(OURS)
    for name, one in flights.items():
        theirs[name]["flights"] = one
    ratios = {
        f"{name}/{size}-false-alarm-days": _ratio(
            theirs[name][size]["false_alarm_days"], ours[size]["false_alarm_days"]
        )
        for name in RULES
        for size in sizes
    }
    return Result(
        name="drift-alarms",
        sizes=(*sizes, "flights"),
        ours=ours,
        peers=theirs,
        limit={},
        ratios=ratios,
        growth={
            "cpu_s_per_146_days": {size: round(seconds[size], 3) for size in sizes},
            "false_alarm_days": {size: ours[size]["false_alarm_days"] for size in sizes},
            "days_to_find": {size: ours[size]["days_to_find"] for size in sizes},
        },
        notes=NOTES,
    )


OURS = "ours"
NOTES = (
    (
        f"made days: {COLUMNS} columns, each day's mean of each wobbling by {WOBBLE_SD} sd around zero; "
        f"the model knows {TRAINED_DAYS} such days; {QUIET_DAYS} quiet ones follow, then {DRIFTED_DAYS} "
        f"on which half of the columns have moved by {DRIFT_SD} sd and go on wobbling"
    ),
    "sizes are rows of a day; false_alarm_days is of 45 quiet ones, the mean over repetitions: "
    + ", ".join(f"{count} at {size}" for size, count in REPETITIONS.items()),
    "days_to_find: median of days from the move to the first alarm, null if most never come",
    "missed: share of drifts not found in 45 days",
    (
        "the rules see the days through the same counts; their p-values are the exact tests' (two-sample "
        "Kolmogorov-Smirnov against all training rows, asymptotic)"
    ),
    "calibrated BH is our own p-values, judged day by day without a detector",
    (
        "flights: trained on January and February, judged daily from March to December by what is known of "
        "each flight and the weather; found: days until the first alarm; shuffled: the same days in "
        f"random order, trained on the first 59, mean false-alarm days of 306 over {SHUFFLES} shuffles"
    ),
    "a ratio is their false alarms by ours, plus one alarm in all repetitions on both sides",
)


def _any_p(reference: Reference, counts: WindowCounts, finding: Finding) -> bool:
    del finding
    return min(_p_values(reference, counts)) < ALPHA


def _bonferroni(reference: Reference, counts: WindowCounts, finding: Finding) -> bool:
    del finding
    found = _p_values(reference, counts)
    return min(found) < ALPHA / len(found)


def _hochberg(reference: Reference, counts: WindowCounts, finding: Finding) -> bool:
    del finding
    found = {str(at): p for at, p in enumerate(_p_values(reference, counts))}
    return bool(discoveries(found, ALPHA))


def _psi(reference: Reference, counts: WindowCounts, finding: Finding) -> bool:
    del finding
    return max(compare(one.profile, counts.column(one.name)).psi for one in reference.columns) > 0.1


def _calibrated(reference: Reference, counts: WindowCounts, finding: Finding) -> bool:
    del reference, counts
    return bool(finding.suspects)


RULES: Mapping[str, Rule] = {
    "any p<0.05": _any_p,
    "Bonferroni per day": _bonferroni,
    "BH per day": _hochberg,
    "PSI>0.1": _psi,
    "calibrated BH per day": _calibrated,
}


def _p_values(reference: Reference, counts: WindowCounts) -> list[float]:
    """Return each column's p-value of "today is like the training rows", as such tools test it."""
    found: list[float] = []
    for one in reference.columns:
        now = counts.column(one.name)
        if one.ordered:
            exact = compare(one.profile, now)
            n, m = one.profile.count, now.count
            found.append(float(stats.kstwobign.sf(exact.ks * np.sqrt(n * m / (n + m)))))
        else:
            exact = compare(one.profile, now)
            used = int(((one.profile.counts + now.counts) > 0).sum())
            found.append(float(stats.chi2.sf(exact.chi2, max(1, used - 1))))
    return found


@dataclass
class Judge:
    """Judges days in order, by our monitor and by every rule."""

    reference: Reference
    monitor: Drift

    def __post_init__(self) -> None:
        self._state = State()
        self._names = [one.name for one in self.reference.columns]

    def alarms(self, days: Iterator[tuple[datetime, pl.DataFrame]]) -> list[dict[str, bool]]:
        """Return, day by day, who raised an alarm."""
        found: list[dict[str, bool]] = []
        for since, rows in days:
            weights = pl.Series(np.ones(rows.height))
            counts = count_rows(self.reference, rows, weights, names=self._names)
            window = Window(since=since, until=since + timedelta(days=1))
            finding = judge_drift(self.monitor, self.reference, counts, window)
            step = self._state.after(finding, run_length=self.monitor.run_length)
            self._state = step.state
            day = {name: rule(self.reference, counts, finding) for name, rule in RULES.items()}
            found.append({OURS: step.alarm, **day})
        return found


def _repeated(rows: int, repetitions: int) -> dict[str, dict[str, float]]:
    quiet: dict[str, list[int]] = {}
    until: dict[str, list[float]] = {}
    for seed in range(repetitions):
        rng = np.random.default_rng([rows, seed])
        training = pl.concat(
            [
                _day(rng, rows).with_columns(at=pl.lit(START + timedelta(days=day)))
                for day in range(TRAINED_DAYS)
            ]
        ).with_columns(pl.col("at").dt.cast_time_unit("us"))
        names = [name for name in training.columns if name != "at"]
        judge = Judge(_counted(training, names), Drift(min_rows=50))
        before = judge.alarms(_days(rng, rows, TRAINED_DAYS, QUIET_DAYS, moved=0.0))
        after = judge.alarms(
            _days(rng, rows, TRAINED_DAYS + QUIET_DAYS, DRIFTED_DAYS, moved=DRIFT_SD)
        )
        for name in before[0]:
            quiet.setdefault(name, []).append(sum(day[name] for day in before))
            first = next((at + 1 for at, day in enumerate(after) if day[name]), np.inf)
            until.setdefault(name, []).append(first)
    return {
        name: {
            "false_alarm_days": float(np.mean(quiet[name])),
            "days_to_find": _told(float(np.median(until[name]))),
            "missed": float(np.mean(np.isinf(until[name]))),
            "found_in_10_days": float(np.mean(np.array(until[name]) <= 10)),
        }
        for name in quiet
    }


def _counted(training: pl.DataFrame, names: Sequence[str]) -> Reference:
    """Return the part of a reference that drift is judged by; the rest takes longer to learn."""
    blocks = Blocks.of(training.height, training["at"])
    columns = tuple(count_column(training[name], blocks) for name in names)
    return Reference(columns=columns, rows=training.height, days=True)


def _day(rng: np.random.Generator, rows: int, moved: float = 0.0) -> pl.DataFrame:
    means = rng.normal(0, WOBBLE_SD, COLUMNS)
    means[::2] += moved
    values = rng.normal(means, 1.0, (rows, COLUMNS))
    return pl.DataFrame({f"x{at}": values[:, at] for at in range(COLUMNS)})


def _days(
    rng: np.random.Generator, rows: int, first: int, days: int, *, moved: float
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    for day in range(first, first + days):
        yield START + timedelta(days=day), _day(rng, rows, moved)


def _flights() -> dict[str, dict[str, float]]:
    """Judge the year as it was, and with its days in random order."""
    by_day = flights_by_day()
    real = _year(by_day)
    rng = np.random.default_rng(1)
    shuffled = [_year([by_day[at] for at in rng.permutation(len(by_day))]) for _ in range(SHUFFLES)]
    return {
        name: {
            "found_after_days": next((at + 1 for at, day in enumerate(real) if day[name]), None),
            "alarms_in_the_year": float(sum(day[name] for day in real)),
            "alarms_june_to_august": float(
                sum(
                    day[name]
                    for at, day in enumerate(real)
                    if 151 <= at + FLIGHT_TRAINED_DAYS < 243
                )
            ),
            "shuffled_false_alarm_days": float(
                np.mean([sum(day[name] for day in one) for one in shuffled])
            ),
        }
        for name in real[0]
    }


def _year(by_day: Sequence[pl.DataFrame]) -> list[dict[str, bool]]:
    """Train on the first two months and judge the rest, day by day."""
    moved = [
        rows.with_columns(at=pl.lit(START + timedelta(days=day)).dt.cast_time_unit("us"))
        for day, rows in enumerate(by_day)
    ]
    training = pl.concat(moved[:FLIGHT_TRAINED_DAYS])
    reference = _counted(training, FLIGHT_COLUMNS)
    later = (
        (START + timedelta(days=day), moved[day]) for day in range(FLIGHT_TRAINED_DAYS, len(moved))
    )
    return Judge(reference, Drift()).alarms(later)


def flights_by_day() -> list[pl.DataFrame]:
    """Return what is known of each flight when it is posted, a frame per day of 2013."""
    feed = Feed.read()
    weather = feed.weather.sort("observed").select("origin", "observed", *FLIGHT_COLUMNS[4:])
    rows = feed.flights.sort("scheduled").join_asof(
        weather,
        left_on="scheduled",
        right_on="observed",
        by="origin",
        tolerance="2h",
        check_sortedness=False,
    )
    days = rows.with_columns(day=pl.col("scheduled").dt.ordinal_day()).sort("day")
    return [part.select(FLIGHT_COLUMNS) for _, part in days.group_by("day", maintain_order=True)]


def _ratio(theirs: float, ours: float) -> float:
    least = 1 / max(REPETITIONS.values())
    return round((theirs + least) / (ours + least), 2)


def _told(days: float) -> float | None:
    """Return a number that JSON has: null where there is no such day."""
    return None if np.isinf(days) else days
