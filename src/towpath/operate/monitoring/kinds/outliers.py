"""The declaration of a monitor on single strange rows."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from towpath.operate.monitoring.kinds.base import Declared


@dataclass(frozen=True, slots=True)
class Outliers(Declared):
    """Watches the share of rows that are unlike anything in training, all inputs taken together.

    A row's score is its robust distance from the training data (see
    `towpath.assets.models.outlyingness`); it is an outlier where fewer than one training row in a
    hundred was as far away. Alerts name examples by decision id, never their values.

    Attributes:
        examples: Ids that an alert names, of the farthest rows.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "outliers"

    name: str = "outliers"
    _: KW_ONLY
    examples: int = 5

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
