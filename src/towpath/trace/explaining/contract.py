"""What explanations of recorded decisions promise.

Everything here is computed when it is asked for, and nothing of it is stored: an explanation holds a
person's values and rows of others, so a copy of it would be one more thing to erase. Each reading is an
event of the log (`decision.explained`), appended before anything is shown.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What one column added to the answer.

    Attributes:
        value: What the model saw; None where it was missing.
        share: In the scale of the attributions.
        description: What the column is, with its unit, as the data set declares it.
    """

    column: str
    value: Any
    share: float
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributions:
    """How an answer is shared among columns, largest first: `base + sum of shares = raw`.

    Attributes:
        method: See `assets.models.explaining.Explainer`.
        base: What the model says of nobody in particular.
        raw: The model's own raw answer on the scale.
        residual: `|base + sum - raw|`, at most `tolerance`: the precision that the library counts in.
        settings: The explainer's configuration, with the background's digest where it has one.
        digest: Of method, settings and package: the same digest gives the same numbers.
    """

    method: str
    scale: str
    base: float
    raw: float
    shares: tuple[Attribution, ...]
    residual: float
    tolerance: float
    settings: Json
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRow:
    """A training row that the model holds near.

    Attributes:
        nearness: By leaves: the share of trees in which both rows end in one leaf, 1 at best. By distance:
            the mean standardised distance, 0 at best.
        values: The model's columns, those marked personal left out.
        outcome: What turned out to be true of it.
        key: Its key in the data set, only where keys were asked for.
        subject: Keyed hash of whom it is about, likewise.
    """

    nearness: float
    values: Json
    outcome: Any
    key: Json | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The nearest training rows, nearest first.

    Attributes:
        by: `leaves` or `distance`.
        source: The data-set version that the rows were read from, at its present revision.
        rows_read: How many rows were compared.
        missing: Why there are none, in a sentence; empty where there are.
        note: What to know about the rows.
    """

    by: Literal["leaves", "distance"] | None
    source: str | None
    revision: int | None
    rows_read: int
    rows: tuple[NearRow, ...]
    missing: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One input that would have to be another."""

    column: str
    before: Any
    after: Any
    cost: float
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """A set of changes after which the model, asked again, decides otherwise.

    Attributes:
        answer: What the model answered to the changed row.
        cost: The sum of the changes' costs.
    """

    changes: tuple[Change, ...]
    answer: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactuals:
    """The cheapest changes that flip a decision, cheapest first; none is an earlier one with more changed.

    Attributes:
        exact: Whether nothing cheaper flips it, among all that the service declares to be possible.
        asked: How many changed rows the model was asked about.
        missing: Why there are none, in a sentence; empty where there are.
    """

    found: tuple[Counterfactual, ...]
    exact: bool
    asked: int
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainReason:
    """One reason in the words for the person concerned.

    Attributes:
        code: Stable, for letters and systems: `low-INPUT`, `high-INPUT`, or `INPUT` for what is no number.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the person concerned is told: no jargon, no other person's data.

    Attributes:
        decision: What was decided, in a sentence.
        reasons: What counted most, largest first.
        could_change: What could be changed, one way per sentence.
        who: Who decides, and whom to ask, in sentences.
        text: All of it as one letter.
    """

    decision: str
    reasons: tuple[PlainReason, ...]
    could_change: tuple[str, ...]
    who: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionExplanation:
    """Why one decision was made as it was.

    Attributes:
        favourable: Whether it went the way that people want; None where the service does not say.
        form: The form of the model that answered; the attributions are of its native one.
    """

    decision_id: str
    service: str
    model: str
    package: str
    form: str
    at: datetime
    answer: float
    favourable: bool | None
    attributions: Attributions
    nearest: Nearest
    counterfactuals: Counterfactuals
    summary: Summary
    notes: tuple[str, ...] = dataclasses.field(default=())


class DecisionExplainer(Protocol):
    """Explains recorded decisions on the recorded model. Thread-safe; keeps nothing of what it shows."""

    def explain(
        self, decision_id: str, *, actor: str, near: int = 5, keys: bool = False
    ) -> DecisionExplanation:
        """Explain one decision.

        Cost: an explanation by the model's method, one pass over the training rows for the nearest (a
        second or so per million rows and hundred trees), up to 65,536 answers for counterfactuals.

        Args:
            decision_id: As the gateway answered it.
            actor: Who asks; the event says so.
            near: How many training rows.
            keys: Show which rows they are. The event says that keys were asked for.

        Raises:
            NotFound: As `Replayer.replay`; or its model's bytes are gone.
            InvalidRequest: Its inputs were redacted before they were written, or the model failed.
            Withdrawn: Its subject has withdrawn.
            IntegrityError: The attributions don't add up to the answer.
        """
        ...


__all__ = [
    "Attribution",
    "Attributions",
    "Change",
    "Counterfactual",
    "Counterfactuals",
    "DecisionExplainer",
    "DecisionExplanation",
    "NearRow",
    "Nearest",
    "PlainReason",
    "Summary",
]
