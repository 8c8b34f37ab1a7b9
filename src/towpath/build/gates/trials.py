"""Scoring a candidate and its champion on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.models import load_package, load_predictor
from towpath.build.gates.contract import Trial
from towpath.core.errors import InvalidProject, InvalidRequest, NotFound, UsageError

if TYPE_CHECKING:
    from towpath.assets.models import Package
    from towpath.core.refs import Ref
    from towpath.storage.blobs.contract import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """The rows held back, as a candidate's package reads them.

    Attributes:
        frame: The rows whose outcome is known, with all their columns.
        outcome: What happened, `(n,) float64`.
        without_outcome: How many rows were left out because nobody knows yet.
        refused: How many rows the service would refuse, because a value is missing where the model
            never saw one missing.
    """

    frame: pl.DataFrame
    outcome: np.ndarray[tuple[int], np.dtype[np.float64]]
    without_outcome: int
    refused: int


def read_holdout(table: pl.DataFrame, package: Package, name: str) -> Holdout:
    """Take from a test table what a package is judged by.

    Raises:
        InvalidProject: The table lacks the outcome or one of the model's columns, or a binary outcome
            is something else than 0 and 1.
    """
    wanted = [package.outcome, *package.inputs.names]
    absent = [column for column in wanted if column not in table.columns]
    if absent:
        raise InvalidProject(
            f"the test rows of the candidate {name!r} have no column {absent[0]!r}",
            remedy="Pass candidate(…, test=) the table that training had, outcome included.",
            columns=absent,
        )
    frame = table.drop_nulls(package.outcome)
    outcome = frame.get_column(package.outcome).cast(pl.Float64).to_numpy()
    if package.task == "binary" and not np.isin(outcome, (0.0, 1.0)).all():
        raise InvalidProject(
            f"the outcome {package.outcome!r} in the test rows of {name!r} is not always 0 or 1",
            remedy="Make it so in the step that prepares the rows.",
        )
    strict = [column.name for column in package.inputs.columns if not column.nullable]
    gaps = frame.select(pl.any_horizontal(pl.col(strict).is_null())) if strict else None
    return Holdout(
        frame=frame,
        outcome=outcome,
        without_outcome=table.height - frame.height,
        refused=0 if gaps is None else int(gaps.to_series().sum()),
    )


def hold_trial(
    package: str,
    rows: Holdout,
    champion: Ref | None,
    champion_package: str | None,
    blobs: BlobStore,
    *,
    rivals: int = 1,
) -> Trial:
    """Score candidate and champion.

    A champion that can't answer these rows (its columns are gone, or its bytes) is an obstacle that
    the trial names, not an error: the candidate may well be meant to replace it.

    Raises:
        InvalidRequest: The candidate itself can't answer a row.
    """
    challenger = load_predictor(package, blobs, threads=2)
    trial = Trial(
        task=challenger.task,
        outcome=rows.outcome,
        challenger=challenger.score(rows.frame),
        rivals=rivals,
    )
    if champion is None or champion_package is None:
        return trial
    scores, obstacle = _score_champion(champion_package, package, rows.frame, blobs)
    return Trial(
        task=trial.task,
        outcome=trial.outcome,
        challenger=trial.challenger,
        champion=scores,
        champion_ref=str(champion),
        obstacle=obstacle,
        rivals=rivals,
    )


def _score_champion(
    champion: str, candidate: str, frame: pl.DataFrame, blobs: BlobStore
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]] | None, str]:
    try:
        theirs, ours = load_package(champion, blobs), load_package(candidate, blobs)
        if (theirs.task, theirs.outcome) != (ours.task, ours.outcome):
            return None, f"it foretells {theirs.outcome!r} ({theirs.task})"
        return load_predictor(champion, blobs, threads=2).score(frame), ""
    except (NotFound, UsageError, InvalidRequest) as error:
        return None, error.message
