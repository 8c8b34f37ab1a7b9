"""The declarations of monitors: what is watched per window of live traffic."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Drift:
    """Watches whether the model's inputs and answers still look like what it was trained on.

    Attributes:
        name: Unique among the project's monitors.
        features: The inputs to watch, or `all`. The prediction is always watched.
        window: Span of event time judged at once: one or more whole days, because the reference knows
            how much *days* wobble.
        fdr: False-discovery rate over the features of one window (Benjamini–Hochberg): the features
            that a window names.
        run_length: Quiet windows between two false alarms, on average, at least.
        min_rows: Windows with fewer decisions are passed over.
    """

    kind: ClassVar[str] = "drift"

    name: str = "drift"
    _: KW_ONLY
    features: Sequence[str] | Literal["all"] = "all"
    window: str = "1d"
    fdr: float = 0.05
    run_length: int = 365
    min_rows: int = 100

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        check_name(self.name, "monitor name")
        if parse_duration(self.window) % timedelta(days=1):
            raise InvalidProject(
                f"monitor {self.name!r} judges windows of {self.window}, not of whole days",
                remedy="Use '1d' or more: drift is calibrated on the training data's own days.",
            )
        if not 0 < self.fdr < 1:
            raise InvalidProject(f"monitor {self.name!r} has a false-discovery rate of {self.fdr}")
        _check_run_length(self.name, self.run_length)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})


@dataclass(frozen=True, slots=True)
class Performance:
    """Watches whether the model's answers are still as good as they were on its test rows.

    Attributes:
        metric: The per-row loss: `log_loss`, `brier`, `error_rate`, `mae`, `mse`.
        name: Unique among the project's monitors.
        maturity: How long after a decision its label is waited for. A window is judged only then, on
            the labels that are there, and never again.
        window: Span of event time judged at once.
        tolerance: Loss above the test's mean, in the metric's unit, that is put up with.
        run_length: Quiet windows between two false alarms, on average, at least.
        min_rows: Windows with fewer labelled decisions are passed over.
    """

    kind: ClassVar[str] = "performance"

    metric: str
    name: str = "performance"
    _: KW_ONLY
    maturity: str = "6h"
    window: str = "1d"
    tolerance: float = 0.0
    run_length: int = 365
    min_rows: int = 100

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        check_name(self.name, "monitor name")
        find_loss(self.metric)
        parse_duration(self.maturity)
        parse_duration(self.window)
        if self.tolerance < 0:
            raise InvalidProject(f"monitor {self.name!r} has a tolerance below zero")
        _check_run_length(self.name, self.run_length)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})


def _check_run_length(name: str, run_length: int) -> None:
    if run_length < 2:
        raise InvalidProject(
            f"monitor {name!r} tolerates a false alarm every {run_length} windows",
            remedy="Use a run_length of 2 or more.",
        )
