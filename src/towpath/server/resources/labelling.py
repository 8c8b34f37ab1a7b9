"""Label queues, the items that people are shown, and what they say. The only resources with inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

Comment = Annotated[str, Meta(max_length=2_000)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLabel:
    """An answer to choose from, and its number in the decision log."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelQueue:
    """A queue and how far it is.

    Attributes:
        question: What people are asked, as declared.
        annotators: How many people judge each decision.
        agreement: `all` or `majority`: how many of them must say the same.
        sample: How decisions are chosen.
        open: Tasks that wait for somebody.
        disputed: Tasks that wait for an adjudicator.
        settled: Tasks with a label that is not sealed yet.
        labelled: Rows of the labelled set's latest `version`.
        drawn_until: Event time up to which decisions were drawn.
        idle: Why nothing can be drawn, where that is so.
    """

    name: str
    project: str
    service: str
    question: str
    labels: list[QueueLabel]
    annotators: int
    agreement: str
    sample: str
    blind: bool
    adjudicators: list[str]
    open: int
    disputed: int
    settled: int
    labelled: int
    version: str | None
    drawn_until: datetime | None
    idle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorPair:
    """Cohen's kappa of two people over the items that both labelled."""

    annotators: list[str]
    items: int
    observed: float
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorWork:
    """What one person has done in a queue.

    Attributes:
        confirmed: Share of their labels that equal the settled one where others judged too.
    """

    annotator: str
    judged: int
    skipped: int
    confirmed: float | None
    spent_s_median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueAgreement:
    """How far people agree beyond chance; None where a coefficient is undefined.

    Attributes:
        items: Items that at least two people labelled.
        observed: Share of pairs of answers to one item that are equal.
        alpha: Krippendorff's, with the 95% bootstrap interval [`alpha_low`, `alpha_high`].
        confusion: How often one item was given both labels, each item counting once; rows and columns
            in the order of `labels`.
    """

    labels: list[str]
    items: int
    observed: float | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    fleiss: float | None
    pairs: list[AnnotatorPair]
    confusion: list[list[float]]
    annotators: list[AnnotatorWork]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one person said of one decision; no `label` where they passed it over."""

    annotator: str
    label: str | None
    comment: str
    at: datetime
    spent_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelItem:
    """One decision as somebody is shown it.

    Attributes:
        inputs: What the model was given.
        outputs: What it answered; None in a blind queue.
        leased_until: Wall time until which nobody else is offered it in this person's place.
        mine: What this person said of it before.
    """

    queue: str
    decision_id: str
    at: datetime
    model: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    leased_until: datetime
    mine: Judgement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The item that somebody should judge next; None when nothing is left for them."""

    item: LabelItem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDispute:
    """A decision that people differ about, without what it was about."""

    decision_id: str
    at: datetime
    labels: dict[str, int]
    skips: int
    contested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDisputeItem:
    """A dispute with the decision and all that was said, for whoever decides it."""

    item: LabelItem
    judgements: list[Judgement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a word leaves a task: `open`, `disputed` or `settled`."""

    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Wall time until which a place is kept."""

    leased_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody says of an item."""

    label: str
    comment: Comment = ""
    spent_s: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Why somebody passes an item over, or objects to its label."""

    comment: Comment = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What an adjudicator decides; without a label the decision stays without one."""

    label: str | None
    comment: Comment = ""
