"""The declaration of a monitor that looks for the rows on which a model got worse."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from towpath.assets.models.losses import find_loss
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring.kinds.base import Declared

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Slices(Declared):
    """Looks at every slice by one or two inputs for a loss that is worse than it should be.

    A slice is a range or a level of one input, or a pair of such. Its rows are compared with what the
    test promised for rows like them, where the reference knows that, and else with all other rows. A
    window names slices by Benjamini–Hochberg; that something is wrong at all must persist over windows.

    Attributes:
        metric: The per-row loss: `log_loss`, `brier`, `error_rate`, `mae`, `mse`.
        features: The inputs to slice by, or `all`.
        depth: 1 for slices by single inputs, 2 for pairs as well.
        maturity: How long after a decision its label is waited for.
        fdr: False-discovery rate over the slices that a window names.
        min_slice_rows: Slices with fewer labelled rows are not looked at.
        price: What one unit of loss costs, so that alerts say what was lost; in `unit`.
        unit: What `price` is counted in, such as `EUR`.

    The others are those of `Declared`.
    """

    kind: ClassVar[str] = "slices"

    metric: str
    name: str = "slices"
    _: KW_ONLY
    features: Sequence[str] | Literal["all"] = "all"
    depth: Literal[1, 2] = 2
    maturity: str = "6h"
    fdr: float = 0.05
    min_slice_rows: int = 30
    price: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse what can't be watched."""
        self.check_common()
        find_loss(self.metric)
        parse_duration(self.maturity)
        self.check_share("fdr", self.fdr)
        self.check_positive("price", self.price)
        if self.depth not in (1, 2):
            raise InvalidProject(
                f"monitor {self.name!r} slices by {self.depth} inputs at once",
                remedy="Use 1 or 2: slices by three are too many to be told apart.",
            )
        if self.min_slice_rows < 10:
            raise InvalidProject(
                f"monitor {self.name!r} judges slices of {self.min_slice_rows} rows",
                remedy="Use 10 or more.",
            )
