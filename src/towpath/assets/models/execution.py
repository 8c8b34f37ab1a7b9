"""How a package's model is carried out: by the library that trained it, or compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.records import Json

Link: TypeAlias = Literal["identity", "logit", "logistic", "log"]
"""What turns a compiled graph's raw score into the answer: nothing, 1/(1+e⁻ˣ), or eˣ.

`logit` takes eˣ/(1+eˣ) below 0, as SciPy's `expit`; `logistic` is 1/(1+e⁻ˣ) everywhere, as LightGBM's.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Which form of a model answers, decided once, when the model is judged, and part of its package.

    Everything that asks the model afterwards (gates, gateway, replays, rollouts) asks this form, so a
    decision can be replayed bit for bit. Nothing falls back to the other form by itself.

    Attributes:
        kind: `onnx` for a graph that ONNX Runtime carries out, `native` for the library itself.
        file: The graph's name among the package's files; None for `native`.
        link: Applied to the graph's answers, row by row, in 64 bits.
        alone: Which form answers a request of one row: the graph as well, or the library, whose call for a
            single row is quicker. Only where the two were found to give the same bits.
        takes_missing: Whether the library answers rows with missing values; where it refuses them, so
            does the compiled form.
        library: Name and version of the library that the parity was found with.
        parity: The largest difference between the two forms on the rows that were compared, relative to
            the answer where that is above 1.
        rows: How many rows were compared.
        reason: Why the model is not compiled; empty where it is, or where nobody tried.
    """

    kind: Literal["native", "onnx"] = "native"
    file: str | None = None
    link: Link = "identity"
    alone: Literal["compiled", "native"] = "compiled"
    takes_missing: bool = True
    library: str = ""
    parity: float | None = None
    rows: int = 0
    reason: str = ""

    def __str__(self) -> str:
        """Return it in words, for people."""
        if self.kind == "native":
            return f"native: {self.reason}" if self.reason else "native"
        apart = f"within {self.parity:.1e} of native" if self.parity else "native's very bits"
        return f"compiled ({self.library}), {apart} on {self.rows:,} rows"

    def to_json(self) -> Json:
        """Return what `from_json` reads; whatever has its default is left out."""
        return {
            name: value
            for name in self.__slots__
            if (value := getattr(self, name)) != getattr(NATIVE, name)
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            TypeError: It holds a field that this version does not know.
        """
        return cls(**cast("dict[str, object]", data))  # pyright: ignore[reportArgumentType] -- checked by who opens it


NATIVE = Execution()
"""The library itself, and nobody tried anything else: what packages without a word on it mean."""
