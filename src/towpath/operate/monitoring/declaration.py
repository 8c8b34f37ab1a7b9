"""The declarations of monitors: what is watched per window of live traffic."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.kinds.base import Declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.models.columns import ColumnReference
    from towpath.operate.monitoring.calibration import Statistic
    from towpath.operate.monitoring.seasons import Season

_NUMBERS = ("ks", "psi", "js", "wasserstein")
_CATEGORIES = ("tv", "psi", "js", "chi2")
_SEASONS = ("auto", "none", "week", "year")
_WITHIN_A_DAY = (timedelta(hours=6), timedelta(hours=12))


@dataclass(frozen=True, slots=True)
class Drift(Declared):
    """Watches whether the model's inputs and answers still look like what it was trained on.

    Attributes:
        name: Unique among the project's monitors.
        features: The inputs to watch, or `all`. The prediction is always watched.
        window: Span of event time judged at once: one or more whole days, or `6h` or `12h`, because
            the reference knows how much *those* wobble.
        season: What a window is compared with: the training data's days of the same weekday (`week`),
            around the same date of earlier years (`year`), any (`none`); `auto` takes the first of
            year, week and none that the training data has enough of. Windows within a day are compared
            with the same hours in any case.
        numbers: Distance of columns of numbers: `ks`, `psi`, `js`, `wasserstein` (in standard
            deviations).
        categories: Distance of categories: `tv`, `psi`, `js`, `chi2`.
        threshold: Instead of p-values and detectors: a window alarms when a column is farther away.
            What that means depends on the statistic, the rows and the wobble of days.
        fdr: False-discovery rate over the features of one window (Benjamini–Hochberg): the features
            that a window names.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "drift"

    name: str = "drift"
    _: KW_ONLY
    features: Sequence[str] | Literal["all"] = "all"
    season: Season = "auto"
    numbers: Literal["ks", "psi", "js", "wasserstein"] = "ks"
    categories: Literal["tv", "psi", "js", "chi2"] = "tv"
    threshold: float | None = None
    fdr: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        check_span(self.name, self.window)
        for field, found in (
            ("numbers", _NUMBERS),
            ("categories", _CATEGORIES),
            ("season", _SEASONS),
        ):
            if getattr(self, field) not in found:
                raise InvalidProject(
                    f"monitor {self.name!r} has {field} {getattr(self, field)!r}",
                    remedy=f"Use one of {', '.join(found)}.",
                )
        if self.threshold is not None and self.threshold <= 0:
            raise InvalidProject(f"monitor {self.name!r} has a threshold of {self.threshold}")
        if not 0 < self.fdr < 1:
            raise InvalidProject(f"monitor {self.name!r} has a false-discovery rate of {self.fdr}")

    def statistic_of(self, column: ColumnReference) -> Statistic:
        """Return the distance that is taken of a column."""
        return self.numbers if column.ordered else self.categories


@dataclass(frozen=True, slots=True)
class Performance(Declared):
    """Watches whether the model's answers are still as good as they were on its test rows.

    Attributes:
        metric: The per-row loss: `log_loss`, `brier`, `error_rate`, `mae`, `mse`.
        name: Unique among the project's monitors.
        maturity: How long after a decision its label is waited for. A window is judged only then, on
            the labels that are there, and never again.
        tolerance: Loss above the test's mean, in the metric's unit, that is put up with.
        price: What one unit of loss costs, so that alerts say what was lost; in `unit`.
        unit: What `price` is counted in, such as `EUR`.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "performance"

    metric: str
    name: str = "performance"
    _: KW_ONLY
    maturity: str = "6h"
    tolerance: float = 0.0
    price: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        find_loss(self.metric)
        parse_duration(self.maturity)
        if self.tolerance < 0:
            raise InvalidProject(f"monitor {self.name!r} has a tolerance below zero")
        self.check_positive("price", self.price)


def check_span(name: str, window: str) -> None:
    """Refuse spans that a reference's blocks can't be put together to.

    Raises:
        InvalidProject: Neither whole days nor 6 or 12 hours.
    """
    span = parse_duration(window)
    if span % timedelta(days=1) and span not in _WITHIN_A_DAY:
        raise InvalidProject(
            f"monitor {name!r} judges windows of {window}, not of whole days",
            remedy="Use '6h', '12h', or whole days: what training saw of those says what is unusual.",
        )
