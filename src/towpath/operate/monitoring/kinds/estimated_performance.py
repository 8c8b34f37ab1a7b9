"""The declaration of a monitor on quality before labels arrive."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, TypeAlias

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.kinds.base import Declared

Method: TypeAlias = Literal["auto", "cbpe", "dle"]


@dataclass(frozen=True, slots=True)
class EstimatedPerformance(Declared):
    """Estimates how good the answers of a window are, before their labels are known.

    **Valid under covariate shift only.** It says what the loss would be if rows like these still turned
    out as they did in the test. Where the world itself changed (concept drift) it says nothing, and says
    it with confidence. So it is charted beside the realised loss as soon as that is known, and a
    `Performance` monitor belongs beside it.

    Attributes:
        metric: The per-row loss: `log_loss`, `brier`, `error_rate`, `mae`, `mse`.
        method: `cbpe` for a binary model, from its calibrated probabilities; `dle` for a model of the
            loss itself; `auto` takes `cbpe` where it can.
        maturity: How long after a decision its label is waited for, before the estimate is compared
            with what came true.
        tolerance: Estimated loss above the test's mean, in the metric's unit, that is put up with.
        price: What one unit of loss costs, so that alerts say what was lost; in `unit`.
        unit: What `price` is counted in, such as `EUR`.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "estimated_performance"

    metric: str
    name: str = "estimated-performance"
    _: KW_ONLY
    method: Method = "auto"
    maturity: str = "6h"
    tolerance: float = 0.0
    price: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        find_loss(self.metric)
        parse_duration(self.maturity)
        self.check_positive("price", self.price)
        if self.method not in ("auto", "cbpe", "dle"):
            raise InvalidProject(
                f"monitor {self.name!r} estimates by {self.method!r}",
                remedy="Use 'cbpe', 'dle' or 'auto'.",
            )
        if self.tolerance < 0:
            raise InvalidProject(f"monitor {self.name!r} has a tolerance below zero")
