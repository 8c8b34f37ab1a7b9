"""What a labelling queue holds, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - Litestar and msgspec resolve the annotations
from typing import Any, Literal

TaskPhase = Literal["open", "disputed", "settled", "sealing"]
"""Where a task stands: people are still asked; they differ and somebody must decide; there is a
label; it is being written into the labelled set (and can't be taken back any more)."""

Settlement = Literal["agreement", "adjudication"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one person said of one decision.

    Attributes:
        annotator: The name they gave; a handle, not a proof of who they are.
        label: One of the queue's labels; None where they passed the item over.
        comment: What they wrote beside it; empty for nothing.
        at: Event time at which they said it.
        spent_s: Seconds between being shown the item and answering, as their page measured; None if
            it did not.
    """

    annotator: str
    label: str | None
    comment: str
    at: datetime
    spent_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One decision as somebody is shown it to judge.

    Attributes:
        inputs: What the model was given, read from the decision log for this one showing; only the
            inputs that the queue shows.
        outputs: What the model answered; None in a blind queue, so that it can't sway people.
        at: Event time of the decision.
        leased_until: Wall time until which nobody else is offered the item in this person's place.
        mine: What this person said of it before, if they come back to it.
    """

    queue: str
    decision_id: str
    at: datetime
    model: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] | None
    leased_until: datetime
    mine: Judgement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A task that people differ about, or could not tell.

    Attributes:
        labels: How often each label was given.
        skips: How many passed it over.
        contested: Whether its label was settled before, and somebody objected.
    """

    decision_id: str
    at: datetime
    labels: dict[str, int]
    skips: int
    contested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedItem:
    """A dispute with everything that was said, for whoever decides it. Never blind."""

    item: Item
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a queue is.

    Attributes:
        open: Tasks that still wait for somebody.
        disputed: Tasks that wait for an adjudicator.
        settled: Tasks that have a label and are not in the labelled set yet.
        labelled: Rows of the labelled set's latest version.
        version: That version, `dataset:NAME@V`; None before the first.
        drawn_until: Event time up to which decisions were drawn.
        idle: Why nothing can be drawn, where that is so.
    """

    queue: str
    project: str
    service: str
    description: str
    labels: dict[str, float]
    annotators: int
    sample: str
    open: int
    disputed: int
    settled: int
    labelled: int
    version: str | None
    drawn_until: datetime | None
    idle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatorRecord:
    """What one person has done in a queue.

    Attributes:
        judged: Items they labelled; `skipped` those they passed over.
        confirmed: Share of their labels that equal the settled one, over items that are settled and
            that somebody else judged too; None before there is one.
        spent_s_median: Median of the seconds they took.
    """

    annotator: str
    judged: int
    skipped: int
    confirmed: float | None
    spent_s_median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairKappa:
    """Cohen's kappa of two people, over the items that both labelled; None where it is undefined."""

    annotators: tuple[str, str]
    items: int
    observed: float
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far people agree beyond chance, over everything a queue was told.

    Coefficients are 1 for perfect agreement and 0 for what chance would give; None where they are
    undefined: nobody overlapped, or everybody said the same one thing throughout.

    Attributes:
        items: Items that at least two people labelled.
        observed: Share of pairs of answers to one item that are equal.
        alpha: Krippendorff's; takes any number of answers per item.
        alpha_low: Lower end of its 95% bootstrap interval, over items; `alpha_high` the upper.
        fleiss: Fleiss' kappa, over the items with the most frequent number of answers.
        pairs: Cohen's kappa per two people, most shared items first.
        confusion: For each pair of labels, how often one item was given both; symmetric, each item's
            answers weighted so that it counts once (the coincidence matrix that alpha is made of).
        annotators: Who did what, by name.
    """

    labels: tuple[str, ...]
    items: int
    observed: float | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    fleiss: float | None
    pairs: tuple[PairKappa, ...] = ()
    confusion: tuple[tuple[float, ...], ...] = ()
    annotators: tuple[AnnotatorRecord, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedTasks:
    """What an erasure took out of the queues: tasks, and the comments written beside them."""

    tasks: int
    comments: int
