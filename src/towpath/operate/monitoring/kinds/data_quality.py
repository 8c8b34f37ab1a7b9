"""The declaration of a monitor on the inputs themselves: are they there, and what they should be?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.kinds.base import Declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class DataQuality(Declared):
    """Watches missing values, unseen levels, values out of range, dead columns, volume, freshness.

    What is not declared is learned from the model's reference: how many values were missing there,
    how many lay beyond its outermost bins, and how much that changed from day to day.

    Attributes:
        features: The inputs to watch, or `all`.
        max_missing: Input to the largest share of missing values that is put up with.
        ranges: Input to its smallest and largest value, both inclusive; one value outside breaks it.
        max_age: How old the newest decision may be at a window's end; None: any age.
        volume: Whether the number of decisions is compared with the fourteen windows before.
        fdr: False-discovery rate over the checks of one window: those that a window names.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "data_quality"

    name: str = "data-quality"
    _: KW_ONLY
    features: Sequence[str] | Literal["all"] = "all"
    max_missing: Mapping[str, float] = field(default_factory=dict[str, float])
    ranges: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    max_age: str | None = None
    volume: bool = True
    fdr: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        self.check_share("fdr", self.fdr)
        if self.max_age is not None:
            parse_duration(self.max_age)
        for name, share in self.max_missing.items():
            self.check_share(f"max_missing of {name!r}", share)
        for name, (low, high) in self.ranges.items():
            if not low <= high:
                raise InvalidProject(
                    f"monitor {self.name!r} wants {name!r} between {low} and {high}",
                    remedy="Give the smaller value first.",
                )
