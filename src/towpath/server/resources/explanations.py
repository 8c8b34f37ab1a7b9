"""Replays and explanations of recorded decisions, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from towpath.server.resources.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedField:
    """One output, recorded and replayed.

    Attributes:
        ulps: How many doubles lie between the two; None where one is missing.
    """

    name: str
    recorded: float | None
    replayed: float | None
    equal: bool
    ulps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedLibrary:
    """A distribution that is not what it was; None where it was, or is, not installed."""

    name: str
    then: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionReplay:
    """A decision, asked again.

    Attributes:
        verdict: `equal`, `different` or `impossible`.
        form: Which form of the model answers.
        asked: `alone` or `with its request`.
        reason: Why it is impossible; empty where it is not.
        same_environment: Whether all libraries are those that the model was judged with; None: not known.
        changed: What is not, the libraries that answer first.
    """

    decision_id: str
    verdict: str
    model: str
    form: str | None
    asked: str
    reason: str
    fields: list[ReplayedField]
    same_environment: bool | None
    changed: list[ChangedLibrary]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one column added to the answer."""

    column: str
    value: Any
    share: float
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NearTrainingRow:
    """A training row that the model holds near; which one it is is not told here."""

    nearness: float
    values: Json
    outcome: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """One input that would have to be another."""

    column: str
    before: Any
    after: Any
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Changes after which the model, asked again, decides otherwise."""

    changes: list[InputChange]
    answer: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedDecision:
    """Why a decision was made as it was.

    Attributes:
        favourable: Whether it went the way that people want; None where the service does not say.
        method: How the shares were found; `explainer` is the digest of all that decides them.
        scale: What the shares are counted in: base and shares add up to `raw`.
        near_by: `leaves`: the share of trees in which both end in one leaf. `distance`: in standard
            deviations.
        near_missing: Why there are no rows; empty where there are. `ways_missing` likewise.
        ways_exact: Whether nothing cheaper flips the decision.
        letter: What the person concerned is told.
    """

    decision_id: str
    service: str
    model: str
    form: str
    at: datetime
    answer: float
    favourable: bool | None
    inputs: Json
    method: str
    scale: str
    base: float
    raw: float
    explainer: str
    shares: list[Share]
    near_by: str | None
    near_source: str | None
    near_revision: int | None
    near_rows_read: int
    near_note: str
    near_missing: str
    near: list[NearTrainingRow]
    ways: list[Way]
    ways_exact: bool
    ways_missing: str
    letter: str
    notes: list[str]
