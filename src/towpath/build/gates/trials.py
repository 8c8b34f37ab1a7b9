"""Scoring a candidate and its champion on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from towpath.assets.models import load_package, load_predictor
from towpath.build.gates.contract import Trial
from towpath.build.gates.within import arrange
from towpath.core.errors import InvalidProject, InvalidRequest, NotFound, UsageError

if TYPE_CHECKING:
    from towpath.assets.models import Package
    from towpath.build.gates.within import Within
    from towpath.core.refs import Ref
    from towpath.storage.blobs.contract import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """The rows held back, as a candidate's package reads them.

    Attributes:
        frame: The rows whose outcome is known, with all their columns.
        outcome: What happened, `(n,) float64`.
        without_outcome: How many rows were left out because nobody knows yet.
        within: How the rows hang together.
        refused: How many rows the service would refuse, because a value is missing where the model
            never saw one missing.
    """

    frame: pl.DataFrame
    outcome: np.ndarray[tuple[int], np.dtype[np.float64]]
    without_outcome: int
    refused: int
    within: Within


def read_holdout(
    table: pl.DataFrame, package: Package, name: str, training: pl.DataFrame | None = None
) -> Holdout:
    """Take from a test table what a package is judged by.

    Args:
        table: The test rows.
        package: The candidate's.
        name: The candidate's, for messages.
        training: A table that it was made from, for the scale of a forecast's errors.

    Raises:
        InvalidProject: The table lacks the outcome or one of the model's columns; an outcome that is a
            yes or a no is something else than 0 and 1; or a forecast's test rows begin before its
            training ends.
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
    if package.task in ("binary", "anomaly") and not np.isin(outcome, (0.0, 1.0)).all():
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
        within=arrange(frame, training, package.arrangement, package.outcome, name),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opponent:
    """A registered version that a candidate is held against."""

    ref: Ref
    package: str


def hold_trial(
    package: str,
    rows: Holdout,
    blobs: BlobStore,
    *,
    champion: Opponent | None = None,
    parent: Opponent | None = None,
    rivals: int = 1,
) -> Trial:
    """Score a candidate, the champion and the version that the candidate was fine-tuned from.

    An opponent that can't answer these rows (its columns are gone, or its bytes) is an obstacle that
    the trial names, not an error: the candidate may well be meant to replace it.

    Raises:
        InvalidRequest: The candidate itself can't answer a row.
    """
    challenger = load_predictor(package, blobs, threads=2)
    answers = challenger.score(rows.frame)
    theirs, obstacle = _score(champion, package, rows.frame, blobs)
    parents, parent_obstacle = theirs, obstacle
    if parent != champion:
        parents, parent_obstacle = _score(parent, package, rows.frame, blobs)
    return Trial(
        task=challenger.task,
        outcome=rows.outcome,
        challenger=answers,
        champion=theirs,
        champion_ref=None if champion is None else str(champion.ref),
        obstacle=obstacle,
        rivals=rivals,
        parent=parents,
        parent_ref=None if parent is None else str(parent.ref),
        parent_obstacle=parent_obstacle,
        within=rows.within,
        rows=rows.frame,
    )


def _score(
    opponent: Opponent | None, candidate: str, frame: pl.DataFrame, blobs: BlobStore
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]] | None, str]:
    if opponent is None:
        return None, ""
    try:
        theirs, ours = load_package(opponent.package, blobs), load_package(candidate, blobs)
        if (theirs.task, theirs.outcome) != (ours.task, ours.outcome):
            return None, f"it foretells {theirs.outcome!r} ({theirs.task})"
        return load_predictor(opponent.package, blobs, threads=2).score(frame), ""
    except (NotFound, UsageError, InvalidRequest) as error:
        return None, error.message
