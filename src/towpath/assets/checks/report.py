"""What a judgement found: counts per rule and a few row keys, never a value of a personal column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from towpath.assets.checks.contract import Policy  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Collection

_COUNTS = frozenset({"RowCount"})
_MEASURED = "was measured on rows that have left since"
Outcome: TypeAlias = Literal["kept", "tolerated", "warned", "quarantined", "refused"]


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the rows that broke a rule.

    Attributes:
        row: Its number, from 0, in the order the rows were given.
        key: Its key, where no column of the key is personal.
        subject: Keyed hash of the person it is about, so that it goes when they go.
    """

    row: int
    key: dict[str, Any] = {}
    subject: str | None = None


class RuleResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How rows did under one rule, or under one part of it.

    Attributes:
        rule: Its class, such as `Between`.
        name: What the declaration calls it, or what it says.
        columns: The columns it is about.
        policy: What failing it means.
        tolerance: The share of rows that may break it.
        checked: How many rows were judged.
        broken: How many of them broke it; of a table rule, all or none.
        outcome: What came of it; `tolerated` broke it by no more than the tolerance.
        words: What is wrong, to follow "column X of data set Y"; empty where nothing is.
        value: What a table rule measured.
        sample: The first rows that broke it; none of rows that were set aside, which are in the
            quarantine themselves.
    """

    rule: str
    name: str
    columns: tuple[str, ...]
    policy: Policy
    tolerance: float = 0.0
    checked: int
    broken: int
    outcome: Outcome
    words: str = ""
    value: float | None = None
    sample: tuple[Sample, ...] = ()

    @property
    def share(self) -> float:
        """The share of the rows judged that broke it."""
        return self.broken / self.checked if self.checked else 0.0


class CheckReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How rows did under all rules of a data set.

    Attributes:
        rows: How many rows were judged.
        quarantined: How many of them were set aside, whatever number of rules they broke.
        quarantine: The version that holds them, as `dataset:NAME.quarantine@N`.
        against: Versions of other data sets that rules looked rows up in.
        results: One per rule, or part of a rule, in declared order.
    """

    rows: int
    quarantined: int = 0
    quarantine: str | None = None
    against: tuple[str, ...] = ()
    results: tuple[RuleResult, ...]

    @property
    def refused(self) -> tuple[RuleResult, ...]:
        """The results because of which a commit is refused."""
        return tuple(one for one in self.results if one.outcome == "refused")

    @property
    def warned(self) -> tuple[RuleResult, ...]:
        """The results that warn."""
        return tuple(one for one in self.results if one.outcome == "warned")

    def to_json(self) -> dict[str, Any]:
        """Return the report as a version's body keeps it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> CheckReport:
        """Read what `to_json` wrote."""
        return msgspec.convert(plain, cls)

    def without_subjects(self, hashes: Collection[str]) -> CheckReport:
        """Return the report without samples of some subjects' rows, and without what was measured.

        Counts stay, they name nobody. A largest value *is* somebody's, and a mean beside the one of the
        rows that are left gives away what the erased rows were; so of both only stays how they did.
        """
        results = (
            msgspec.structs.replace(
                one,
                sample=tuple(row for row in one.sample if row.subject not in hashes),
                value=one.value if one.rule in _COUNTS else None,
                words=_MEASURED
                if one.words and one.rule not in _COUNTS and one.value is not None
                else one.words,
            )
            for one in self.results
        )
        return msgspec.structs.replace(self, results=tuple(results))
