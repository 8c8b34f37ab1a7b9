"""What replays and explanations of recorded decisions promise.

Everything here is computed when it is asked for, and nothing of it is stored: an explanation holds a
person's values and rows of others, so a copy of it would be one more thing to erase. Each reading is an
event of the log (`decision.replayed`, `decision.explained`), appended before anything is shown.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.records import Json

Verdict: TypeAlias = Literal["equal", "different", "impossible"]

Impossible: TypeAlias = Literal["redacted", "model-deleted", "failed-then"]
"""Why a decision can't be replayed: its inputs were redacted before they were written; its model's bytes
were deleted; or the model failed at the time, and there is no answer to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReplay:
    """One recorded output beside the replayed one.

    Attributes:
        equal: Whether all 64 bits are.
        ulps: How many doubles lie between the two, 0 where equal; None where one is missing or no number.
    """

    name: str
    recorded: float | None
    replayed: float | None
    equal: bool
    ulps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A distribution that is not what it was; None where it was, or is, not installed."""

    name: str
    then: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The environment that the model was made and judged in, and the one that replays.

    Attributes:
        then: Digest of the recorded lock; None where the model's version names none.
        now: Digest of this process's lock.
        changed: What differs, the libraries that answer first; empty where the lock is not kept any more.
    """

    then: str | None
    now: str
    changed: tuple[Changed, ...] = ()

    @property
    def same(self) -> bool:
        """Whether it is the same environment."""
        return self.then == self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One decision, asked again.

    Attributes:
        form: Which form of the model answered, then and now: it is part of the package's digest.
        asked: `alone`: row by row. `with its request`: together with the rows that were recorded with it,
            where alone the bits differed: a matrix product may round by the size of its batch.
        fields: One per output, in recorded order.
        why: Where impossible.
    """

    decision_id: str
    verdict: Verdict
    service: str
    model: str
    package: str | None
    form: str | None
    asked: Literal["alone", "with its request"] = "alone"
    fields: tuple[FieldReplay, ...] = ()
    environment: Environment | None = None
    why: Impossible | None = None
    reason: str = ""

    @property
    def first_difference(self) -> FieldReplay | None:
        """The first output whose bits differ."""
        return next((one for one in self.fields if not one.equal), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """Many decisions, asked again.

    Attributes:
        impossible: How many could not be, by why.
        different: Those whose bits differ, at most a hundred of them.
    """

    service: str
    replayed: int
    equal: int
    impossible: dict[str, int]
    different: tuple[Replay, ...]

    @property
    def share_equal(self) -> float | None:
        """The bit-equal share of those that could be replayed; None where none could."""
        return self.equal / self.replayed if self.replayed else None


class Replayer(Protocol):
    """Asks recorded models what they answered. Thread-safe; reads, and records that it did."""

    def replay(self, decision_id: str, *, actor: str) -> Replay:
        """Ask the recorded package, in the form that it names, about the recorded inputs.

        Cost: opening the package (tens of milliseconds to a second), then one answer.

        Raises:
            NotFound: The log holds no such decision. It may never have been recorded (its service keeps a
                sample), be gone with its retention, or be erased.
            IntegrityError: The model's version or package is not what was signed.
        """
        ...

    def replay_many(
        self,
        service: str,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        sample: int | None = None,
    ) -> Replays:
        """Replay a service's decisions of a span of event time; packages are opened once.

        Args:
            service: Whose.
            actor: Who asks.
            since: Event time from which on; `until` the one before which.
            until: See `since`.
            sample: So many of them, chosen by a hash of their ids: the same ones each time. None: all.
        """
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One place in which something about a subject lies.

    Attributes:
        kind: What the place is, in the words of an erasure's plan: `dataset`, `feature_layouts`, ….
        name: Which one.
        rows: How many rows (files, tasks, …) there are about the subject; None where that can't be told
            from what is kept there, and `note` says why.
        versions: Data-set versions to their counts of rows about the subject.
        values: What is there, as plain JSON objects; empty where a note says where the same is shown.
    """

    kind: str
    name: str
    rows: int | None
    versions: dict[str, int] = dataclasses.field(default_factory=dict)
    values: tuple[Json, ...] = dataclasses.field(default=(), repr=False)
    purpose: str = ""
    kept_for: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectReport:
    """Everything that is held of one subject, for that subject (GDPR, article 15).

    Attributes:
        field: What the subject is called; `value` whom it is about.
        subject: The keyed hash under which the log and the decisions know them.
        withdrawn: Whether the subject is on the suppression list.
        erasures: Withdrawals of this subject and where each stands.
        holdings: Data sets first, then decisions, then every kind of copy that an erasure knows.
        models: Models that learnt from the subject's rows: reference, state, services, data sets.
        beyond: What can't be looked into from here, in sentences.
    """

    field: str
    value: str = dataclasses.field(repr=False)
    subject: str
    at: datetime
    withdrawn: bool
    erasures: tuple[Json, ...]
    holdings: tuple[Holding, ...]
    models: tuple[Json, ...]
    beyond: tuple[str, ...]


class SubjectReports(Protocol):
    """Answers a person's request for access. Thread-safe."""

    def report(self, field: str, value: str, *, actor: str) -> SubjectReport:
        """Gather what is held of a subject; the event `subject.reported` carries the keyed hash alone.

        The places are those of an erasure: data sets, decisions and each kind of `Copies`.

        Raises:
            NotFound: No data set and no service declares `field` as its subject.
        """
        ...


__all__ = [
    "Attribution",
    "Attributions",
    "Change",
    "Changed",
    "Counterfactual",
    "Counterfactuals",
    "DecisionExplainer",
    "DecisionExplanation",
    "Environment",
    "FieldReplay",
    "Holding",
    "Impossible",
    "NearRow",
    "Nearest",
    "PlainReason",
    "Replay",
    "Replayer",
    "Replays",
    "SubjectReport",
    "SubjectReports",
    "Summary",
    "Verdict",
]
