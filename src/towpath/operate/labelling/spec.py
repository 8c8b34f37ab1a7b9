"""A queue as its intent holds it: everything the desk and the reconciler need, without project code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidRequest, NotFound
from towpath.operate.labelling.sets import Kept, judgements_set, labelled_set

if TYPE_CHECKING:
    from datetime import timedelta

    from towpath.assets.datasets import Dataset
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent

QUEUE = "label_queue"
TASK = "label_task"


class QueueSpec(msgspec.Struct, frozen=True, kw_only=True):
    """See `LabelQueue` for what the fields mean.

    Attributes:
        labels: Label and its number, in the order of the keys.
        keep: The inputs that go into the labelled set.
    """

    name: str
    service: str
    labels: tuple[tuple[str, float], ...]
    sample: str
    annotators: int
    agreement: Literal["all", "majority"]
    per_day: int
    maturity: str | None
    relabel: bool
    backlog: int
    blind: bool
    show: tuple[str, ...] | None
    keep: tuple[Kept, ...]
    subject: str | None
    adjudicators: tuple[str, ...]
    lease: str
    description: str
    project: str = ""
    environment: str = "production"

    @classmethod
    def of(cls, intent: Intent) -> Self:
        """Read a queue's intent."""
        return msgspec.convert({**intent.spec, "name": intent.name, "project": intent.project}, cls)

    @classmethod
    def named(cls, tx: Transaction, name: str) -> Self:
        """Return a declared queue.

        Raises:
            NotFound: There is none of that name.
        """
        intent = tx.intents.find(QUEUE, name)
        if intent is None:
            known = [one.name for one in tx.intents.list(QUEUE)]
            raise NotFound.named("label queue", name, known)
        return cls.of(intent)

    @property
    def dataset(self) -> Dataset:
        """The labelled set."""
        return labelled_set(self.name, self.service, self.subject, self.keep)

    @property
    def judgements(self) -> Dataset:
        """What everybody said."""
        return judgements_set(self.name, self.service, self.subject)

    def sets(self) -> tuple[Dataset, Dataset]:
        """Return the labelled set and that of judgements."""
        return self.dataset, self.judgements

    @property
    def lease_span(self) -> timedelta:
        """How long an item stays with somebody who does nothing."""
        return parse_duration(self.lease)

    def value_of(self, label: str) -> float:
        """Return a label's number.

        Raises:
            InvalidRequest: The queue has no such label.
        """
        for name, value in self.labels:
            if name == label:
                return value
        raise InvalidRequest(
            f"queue {self.name!r} has no label {label!r}",
            remedy=f"Choose one of: {', '.join(name for name, _ in self.labels)}.",
            queue=self.name,
        )

    def task(self, decision_id: str) -> str:
        """Return the name of the task that asks about a decision."""
        return f"{self.name}.{decision_id}"

    def to_json(self) -> dict[str, Any]:
        """Return what the intent's spec holds; project and environment are added by `apply`."""
        given: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        for name in ("name", "project", "environment"):
            del given[name]
        return given
