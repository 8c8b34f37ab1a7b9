"""What a single training row did to an answer, of models that are a line through their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from towpath.trace.incidents.contract import Suspect

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.compiling.lines import Line

    Floats = npt.NDArray[np.float64]

KINDS: Final = ("LinearRegression", "LogisticRegression", "Ridge")
"""Estimators whose influence has a closed form."""

BAR: Final = 1.0
"""Standard errors: a row that moves an answer by a whole one is influential by itself (Chatterjee and Hadi,
Statistical Science 1 (1986) 379-393)."""

_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulls:
    """How the raw answer to one row would change without each of the training rows.

    Attributes:
        moves: By how much, `(n,) float64`, in the scale of the line (log-odds for a logistic one).
        error: The standard error of the raw answer, in the same scale.
    """

    moves: Floats
    error: float


def pulls_of(line: Line, rows: Floats, outcomes: Floats, asked: Floats) -> Pulls | None:
    """Return each training row's influence on an answer; None for a line of another kind.

    For least squares it is exact: x'(X'X)⁻¹xᵢ rᵢ / (1 − hᵢ), the leave-one-out formula (Cook and Weisberg,
    "Residuals and Influence in Regression", 1982). For a logistic line it is one Newton step from the
    fitted one (Pregibon, Annals of Statistics 9 (1981) 705-724). A penalty that the model was fitted with is
    left out, which overstates the pull of few rows in many columns.

    Args:
        line: The model.
        rows: The training rows in the model's columns, `(n, p)`, finite.
        outcomes: Their outcomes, `(n,)`.
        asked: The row that was answered, `(p,)`.
    """
    raw = line.intercept + rows @ line.weights
    if line.link == "identity":
        mean, weight = raw, np.ones(len(raw))
    elif line.link in ("logit", "logistic"):
        mean = 1 / (1 + np.exp(-np.clip(raw, -500, 500)))
        weight = np.maximum(mean * (1 - mean), _TINY)
    else:
        return None
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)  # the influence is the same in any units
    design = np.column_stack([np.ones(len(rows)), (rows - middle) / scale])
    mine = np.append(1.0, (asked - middle) / scale)
    inverse = np.linalg.pinv(design.T @ (design * weight[:, None]), hermitian=True)
    leverage = weight * np.einsum("ij,jk,ik->i", design, inverse, design)
    rest = np.maximum(1 - leverage, _TINY)
    residuals = outcomes - mean
    moves = -(design @ (inverse @ mine)) * residuals / rest
    noise = 1.0
    if line.link == "identity":
        noise = float(np.square(residuals).sum() / max(1, len(rows) - design.shape[1]))
    return Pulls(moves=moves, error=float(np.sqrt(max(noise * (mine @ inverse @ mine), 0.0))))


def influence_suspects(
    pulls: Pulls, *, source: str, answer: float, truth: float
) -> tuple[list[Suspect], str]:
    """Return whether single rows pulled the answer away from what was true, and what is said where none did."""
    towards = pulls.moves if truth > answer else -pulls.moves
    if pulls.error <= 0:
        return [], "the model fits its training rows without an error, so none of them stands out"
    strongest = float(towards.max()) / pulls.error
    beyond = int((towards / pulls.error > BAR).sum())
    if not beyond:
        return [], (
            f"no single training row moves the answer by more than {max(strongest, 0):.2g} of its "
            "standard errors"
        )
    rows = "1 training row" if beyond == 1 else f"{beyond} training rows"
    return [
        Suspect(
            kind="rows",
            name=f"{rows} of {source}, by influence",
            value=strongest,
            unit="standard errors of the answer, if the strongest were left out",
            summary=(
                f"{rows} of {len(towards):,} moved the answer away from what was true by more than a "
                f"standard error each; without the strongest the raw answer would be "
                f"{float(towards.max()):.4g} nearer"
            ),
            refs=(source,),
        )
    ], ""


__all__ = ["KINDS", "Pulls", "influence_suspects", "pulls_of"]
