"""Training rows from which a wrong answer came: those that the model holds nearest, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.stats import binom

from towpath.trace.incidents.contract import Suspect

if TYPE_CHECKING:
    from towpath.trace.explaining.contract import Nearest

NEAR: Final = 20
RATE: Final = 0.05


def row_suspects(
    nearest: Nearest, outcomes: pl.Series | None, *, answer: float, truth: float | None
) -> tuple[list[Suspect], str]:
    """Return whether the nearest rows speak for the wrong answer, and what is to be said where it can't be told.

    A row speaks for the answer if its outcome is nearer to what the model answered than to what turned out
    to be true. Of rows that the model can't tell apart, as many should do so as of all; that more do by
    chance has the probability given (binomial, one-sided). It is no influence in the sense of leaving a row
    out: it says that the model learnt this answer from such rows, so that wrong or strange ones among them
    are where to look first.

    Args:
        nearest: The rows, nearest first.
        outcomes: The outcomes of all rows that were compared.
        answer: What the model answered.
        truth: What turned out to be true; None where nobody said.
    """
    if nearest.missing:
        return [], f"no training rows to look at: {nearest.missing}"
    if truth is None:
        return [], "what would have been right is not known of the first decision: label it"
    if outcomes is None or any(one.outcome is None for one in nearest.rows):
        return [], "the outcomes of the training rows are not kept beside them"
    every = outcomes.cast(pl.Float64).drop_nulls().to_numpy()
    usual = float(_speaks(every, answer, truth).mean())
    mine = _speaks(np.array([float(one.outcome) for one in nearest.rows]), answer, truth)
    count, total = int(mine.sum()), len(mine)
    chance = float(binom.sf(count - 1, total, usual))
    if chance > RATE:
        return [], (
            f"{count} of the {total} nearest training rows speak for the answer, and "
            f"{usual:.0%} of all do: nothing unusual"
        )
    how = "share most leaves with it" if nearest.by == "leaves" else "are nearest to it"
    return [
        Suspect(
            kind="rows",
            name=f"{count} of the {total} nearest rows of {nearest.source}",
            value=count / total,
            unit="of the nearest rows speak for the wrong answer",
            p=chance,
            summary=(
                f"of the {total} training rows that {how}, {count} have an outcome nearer to the "
                f"answer than to what was true; of all {nearest.rows_read:,} it is {usual:.0%}"
            ),
            refs=(nearest.source,) if nearest.source else (),
        )
    ], ""


def _speaks(outcomes: np.ndarray, answer: float, truth: float) -> np.ndarray:
    return np.abs(outcomes - answer) < np.abs(outcomes - truth)


__all__ = ["NEAR", "row_suspects"]
