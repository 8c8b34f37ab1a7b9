"""The declaration of a labelling queue: which decisions people are asked about, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name
from towpath.operate.labelling.ranking import parse_sample
from towpath.operate.labelling.sets import Kept
from towpath.operate.labelling.spec import QueueSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets import Dataset, Schema

_LABELS_MOST = 50
_ANNOTATORS_MOST = 20
_INPUT_TYPES = ("string", "int64", "float64", "bool")
_INPUT_REMEDY = "Use str, int, float or bool."


@dataclass(frozen=True, slots=True)
class LabelQueue:
    """Asks people what was true of some of a service's decisions, and keeps the answers as a data set.

        review = tp.LabelQueue(
            "review", service="delay-board", labels=["on time", "late"], annotators=2, per_day=25
        )

    Each day of event time, once it is over, up to `per_day` of its decisions become tasks. When enough
    people agree on one, or an adjudicator has decided, its label goes to the data set `NAME` (what
    everybody said to `NAME.judgements`) and back to the decision log. `review.dataset` is what a
    pipeline reads.

    Attributes:
        name: Names the queue and the labelled set.
        service: The service whose decisions are asked about.
        labels: The answers to choose from, in the order of their keys 1–9. As a list, the first stands
            for 0 in the decision log, the second for 1, and so on; as a mapping, each for its number.
        sample: Which decisions: `uncertain` (those the model was least sure of), `random`, or an SQL
            expression over `input.NAME` and `output.NAME`: a condition keeps a random sample of what
            meets it, a number ranks, largest first.
        annotators: How many people judge each decision.
        agreement: `all` of them must say the same, or the `majority`; otherwise somebody adjudicates.
        per_day: Most tasks of one day of event time.
        maturity: How long after a day's end outcomes are waited for. A decision that has a label by
            then needs none from people. None waits for none.
        relabel: Ask about decisions that have a label as well: to check outcomes, not to find them.
        backlog: Draw nothing while so many tasks wait. Days that pass meanwhile are left out.
        blind: Whether people judge without seeing what the model answered.
        show: The inputs that they see; None shows all.
        keep: A schema whose columns are those inputs that go into the labelled set, so that it can be
            trained on; None keeps none.
        subject: What the service calls its subject, where it has one: `tp.Service(subject=…)`.
        adjudicators: Who may decide disputes; nobody named, anybody may.
        lease: How long an item stays with somebody who does nothing.
        description: The question, as people read it above each item.
    """

    name: str
    _: KW_ONLY
    service: str
    labels: Sequence[str] | Mapping[str, float]
    sample: str = "uncertain"
    annotators: int = 1
    agreement: Literal["all", "majority"] = "all"
    per_day: int = 50
    maturity: str | None = None
    relabel: bool = False
    backlog: int = 1000
    blind: bool = True
    show: Sequence[str] | None = None
    keep: type[Schema] | None = None
    subject: str | None = None
    adjudicators: Sequence[str] = ()
    lease: str = "10m"
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse a queue that could never be worked off."""
        check_name(self.name, "label queue name")
        check_name(self.service, "service name")
        for field in ("labels", "show", "adjudicators"):
            if isinstance(getattr(self, field), str):
                self._refuse(f"its {field} are one text", f"Give a list: {field}=[…].")
        object.__setattr__(self, "labels", self._values())
        for person in self.adjudicators:
            check_name(person, "adjudicator's name")
        for span in (self.lease, self.maturity):
            if span is not None:
                parse_duration(span)
        parse_sample(self.sample)
        self._check_numbers()
        self._check_sets()

    def _check_numbers(self) -> None:
        if not 1 <= self.annotators <= _ANNOTATORS_MOST:
            self._refuse(f"it asks {self.annotators} annotators", f"Ask 1 to {_ANNOTATORS_MOST}.")
        if self.agreement not in ("all", "majority"):
            self._refuse(f"its agreement is {self.agreement!r}", "Use 'all' or 'majority'.")
        for field in ("per_day", "backlog"):
            if getattr(self, field) < 1:
                self._refuse(f"{field} is {getattr(self, field)}", "Use 1 or more.")

    def _check_sets(self) -> None:
        odd = [one.name for one in self.spec.keep if one.type not in _INPUT_TYPES]
        if odd:
            self._refuse(f"it keeps {odd[0]!r} as a type that no input has", _INPUT_REMEDY)
        self.spec.sets()

    @property
    def values(self) -> dict[str, float]:
        """Each label's number in the decision log, in the order of the keys."""
        assert isinstance(self.labels, Mapping)
        return dict(self.labels)

    @property
    def dataset(self) -> Dataset:
        """The labelled set: one row per decision that has a label, keyed by `decision_id`."""
        return self.spec.dataset

    @property
    def judgements(self) -> Dataset:
        """What everybody said: one row per decision and annotator."""
        return self.spec.judgements

    @property
    def spec(self) -> QueueSpec:
        """The queue as its intent holds it."""
        return QueueSpec(
            name=self.name,
            service=self.service,
            labels=tuple(self.values.items()),
            sample=self.sample,
            annotators=self.annotators,
            agreement=self.agreement,
            per_day=self.per_day,
            maturity=self.maturity,
            relabel=self.relabel,
            backlog=self.backlog,
            blind=self.blind,
            show=None if self.show is None else tuple(self.show),
            keep=() if self.keep is None else tuple(map(Kept.of, self.keep.columns())),
            subject=self.subject,
            adjudicators=tuple(self.adjudicators),
            lease=self.lease,
            description=self.description,
        )

    def _values(self) -> dict[str, float]:
        given = self.labels
        numbered = (
            given if isinstance(given, Mapping) else {name: at for at, name in enumerate(given)}
        )
        if len(numbered) != len(given) or not 2 <= len(numbered) <= _LABELS_MOST:
            self._refuse(
                f"it has {len(numbered)} different labels", f"Give 2 to {_LABELS_MOST}, each once."
            )
        values = {str(name): float(value) for name, value in numbered.items()}
        if not all(name.strip() and math.isfinite(value) for name, value in values.items()):
            self._refuse("a label is empty, or its number is not finite")
        return values

    def _refuse(self, why: str, remedy: str = "") -> NoReturn:
        raise InvalidProject(f"label queue {self.name!r} can't be: {why}", remedy=remedy)
