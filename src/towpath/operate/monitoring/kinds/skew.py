"""The declaration of a monitor on whether serving sees what training would have seen."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar

from towpath.core.durations import parse_duration
from towpath.operate.monitoring.kinds.base import Declared

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Skew(Declared):
    """Compares features as they were served with those that a training would be given for them.

    For a sample of the window's decisions the features are joined offline as of the very moment of each
    decision, by the entities that it names, and compared with those on record.

    Attributes:
        features: The feature service whose looked-up features are compared.
        entities: Entity column to where the log has it, when that is not the input of the same name:
            another input, or `key` for what the caller called the thing decided on.
        max_share: Largest share of values that may differ.
        tolerance: Relative difference of numbers that counts as none.
        settle: How long late observations are waited for before a window is judged.
        sample: Decisions of a window that are compared, at most.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "skew"

    features: str
    name: str = "skew"
    _: KW_ONLY
    entities: Mapping[str, str] = field(default_factory=dict[str, str])
    max_share: float = 0.01
    tolerance: float = 1e-6
    settle: str = "1h"
    sample: int = 2000
    min_rows: int = 50

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        self.check_share("max_share", self.max_share)
        self.check_positive("tolerance", self.tolerance)
        self.check_positive("sample", self.sample)
        parse_duration(self.settle)
