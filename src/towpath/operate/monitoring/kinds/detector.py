"""The declaration of a monitor that asks a drift detector of another library."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.kinds.base import Declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FACTORY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Detector(Declared):
    """Asks a detector that you have installed, such as one of Alibi Detect, about each window.

    It is made anew as `FACTORY(x_ref, **options)` and asked `predict(x)`, where both are arrays
    `(n_rows, n_features)`: `float64`, or `object` where an input is text. The answer has the form of
    Alibi Detect: `{"data": {"is_drift": 0 or 1, "p_val": …}}`. P-values, one or one per feature, are
    evidence that is gathered over windows as anywhere else; without them, `is_drift` alarms at once.
    They are not calibrated on the training data's days as `Drift` is, so with much traffic most of
    these detectors find every day different.

    Its reference is the first decisions of the model that serves, read from the log again for each
    window. So there is no copy of them, and an erasure reaches it.

    Attributes:
        factory: `package.module:Class`, importable where workers run.
        options: Its keyword arguments.
        features: The inputs that make the arrays' columns, in order; `all` takes the signature's.
        reference: How much event time, from the model's first decision on, is the reference.
        max_rows: Rows of the reference and of a window, at most; more are thinned at random.
    """

    kind: ClassVar[str] = "detector"

    factory: str
    name: str = "detector"
    _: KW_ONLY
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    features: Sequence[str] | Literal["all"] = "all"
    reference: str = "7d"
    max_rows: int = 5000

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        parse_duration(self.reference)
        self.check_positive("max_rows", self.max_rows)
        if not _FACTORY.fullmatch(self.factory):
            raise InvalidProject(
                f"monitor {self.name!r} makes its detector by {self.factory!r}",
                remedy="Write 'package.module:Class', such as 'alibi_detect.cd:KSDrift'.",
            )
