"""What a gate promises: a verdict on a candidate model, with the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from towpath.build.gates.within import ALONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models import Task
    from towpath.build.gates.within import Within
    from towpath.build.pipelines import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A candidate and its champion, scored on the same rows that neither was trained on.

    Attributes:
        task: What the scores mean.
        outcome: What happened, `(n,) float64`; 0 or 1 for a binary task.
        challenger: The candidate's answers, `(n,) float64`.
        champion: The champion's answers to the same rows, or None.
        champion_ref: The champion's reference as text; None where there is no champion yet.
        obstacle: Why a champion that exists could not be scored.
        rivals: How many candidates of one search may be tried on these rows, this one included.
        parent: The answers of the version that the candidate was fine-tuned from, or None.
        parent_ref: Its reference as text; None where the candidate was trained from scratch.
        parent_obstacle: Why a parent could not be scored.
        within: How the rows hang together, for rankings and forecasts.
        rows: The rows that were scored, in the same order, with all columns of the test table: for gates
            that compare groups. What a gate puts into its evidence is kept, so put in no row of it.
    """

    task: Task
    outcome: npt.NDArray[np.float64]
    challenger: npt.NDArray[np.float64]
    champion: npt.NDArray[np.float64] | None = None
    champion_ref: str | None = None
    obstacle: str = ""
    rivals: int = 1
    parent: npt.NDArray[np.float64] | None = None
    parent_ref: str | None = None
    parent_obstacle: str = ""
    within: Within = ALONE
    rows: pl.DataFrame | None = None

    def shared(self, confidence: float) -> float:
        """Return the confidence at which this candidate's bounds are taken.

        Of several candidates the first that passes wins, so each is a chance to pass by luck. The
        allowed error is shared among them (Bonferroni): all together err no more often than a single
        candidate would. A gate of your own that decides on a bound should take it at this.
        """
        return 1 - (1 - confidence) / self.rivals


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one gate found.

    Attributes:
        gate: The gate's name.
        verdict: `pass` when the evidence shows that the demand is met, `fail` when it shows that it
            is not, `inconclusive` when it shows neither.
        summary: One sentence for people, numbers included.
        evidence: The numbers, JSON-able. Gates that compare a bound with a limit share these keys, so
            that they can be drawn: `metric`, `estimate`, `lower`, `upper`, `confidence`, `threshold`,
            `direction` (`at_least` or `at_most`), `rows`.
    """

    gate: str
    verdict: Verdict
    summary: str
    evidence: Mapping[str, Any]


@runtime_checkable
class Gate(Protocol):
    """A demand on every candidate. Frozen, and describable as the JSON of its fields.

    A project may bring its own: any frozen dataclass with these two members will do.
    """

    @property
    def name(self) -> str:
        """What reports call it; unique among a project's gates."""
        ...

    def judge(self, trial: Trial) -> Finding:
        """Weigh a candidate. Pure: the same trial gives the same finding."""
        ...
