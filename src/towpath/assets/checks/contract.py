"""What a rule promises, and what becomes of rows that break one.

A rule judges rows that are about to be committed, or rows that are stored (`towpath dataset check`).
*Row rules* say which rows break them; *table rules* take a few numbers from the rows and judge those.
Rules know frames, not data sets: what lies beyond the frame comes through `Surroundings`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol, TypeAlias

from towpath.core.errors import InvalidProject, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import polars as pl

Policy: TypeAlias = Literal["refuse", "quarantine", "warn"]
Tally: TypeAlias = "dict[str, float]"
POLICIES: tuple[Policy, ...] = ("refuse", "quarantine", "warn")


class Surroundings(Protocol):
    """What a rule may read beside the rows it judges. Reading is lazy and costs what it reads."""

    @property
    def at(self) -> datetime:
        """The moment of the judgement, in event time."""
        ...

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The declared columns and their types."""
        ...

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        ...

    @property
    def time(self) -> str | None:
        """The column that says when a row's event happened."""
        ...

    def declared(self, rows: pl.DataFrame) -> list[Broken]:
        """Return what rows break of the schema itself."""
        ...

    def stored(self, columns: Sequence[str]) -> pl.LazyFrame:
        """Return the named columns and the key of rows that stay beside those judged.

        Where a row judged has the key of one here, it takes that one's place or is equal to it.
        """
        ...

    def column_of(self, dataset: str, columns: Sequence[str]) -> pl.LazyFrame:
        """Return columns of another data set's latest version.

        Raises:
            NotFound: It has no version, or no such column.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Rows that break one part of a rule.

    Attributes:
        columns: The columns it is about; empty where it is about the row as a whole.
        words: What is wrong with them, to follow "column X of data set Y": "is missing".
        rows: Boolean, one per row judged, without nulls: true where the row breaks it.
    """

    columns: tuple[str, ...]
    words: str
    rows: pl.Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(ABC):
    """Something that rows must be. Immutable; judging keeps no state in it, so threads may share it.

    Attributes:
        policy: What becomes of rows when the rule fails: `refuse` the whole commit, set the rows
            aside in `quarantine`, or `warn` and keep them.
        tolerance: The share of the rows, 0 to below 1, that may break the rule before it fails.
        name: What reports call it; by default what it says. Unique within a data set.
    """

    policy: Policy = "refuse"
    tolerance: float = 0.0
    name: str = ""

    @property
    @abstractmethod
    def says(self) -> str:
        """What rows must be, in a few words that read well in a report: "age is at most 120"."""
        ...

    @property
    def title(self) -> str:
        """The name given, or what it says."""
        return self.name or self.says

    @property
    def kind(self) -> str:
        """Which rule it is: the name of its class."""
        return type(self).__name__

    def describe(self) -> dict[str, str | float]:
        """Return the rule as plain values that stay the same from process to process."""
        return {
            "type": self.kind,
            "title": self.title,
            "says": self.says,
            "policy": self.policy,
            "tolerance": self.tolerance,
        }

    @abstractmethod
    def check(self, columns: Mapping[str, pl.DataType]) -> None:
        """Refuse a declaration that can't be meant for a table with these columns.

        Raises:
            InvalidProject: A column is missing or of a type that the rule can't judge.
        """
        ...

    def require(self, columns: Mapping[str, pl.DataType], *names: str) -> None:
        """Refuse names that are not columns, and options that can't be meant."""
        if self.policy not in POLICIES:
            self.refuse(f"its policy is {self.policy!r}", f"Use one of {', '.join(POLICIES)}.")
        if not 0 <= self.tolerance < 1:
            self.refuse(f"its tolerance is {self.tolerance}", "It is a share: 0 ≤ tolerance < 1.")
        for name in names:
            if name not in columns:
                self.refuse(f"there is no column {name!r}", _nearest(name, columns))

    def refuse(self, why: str, remedy: str = "") -> NoReturn:
        """Raise `InvalidProject` for this rule."""
        raise InvalidProject(f"the rule {self.title!r} can't be: {why}", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule(Rule):
    """A rule that each row keeps or breaks."""

    @abstractmethod
    def broken(self, rows: pl.DataFrame, around: Surroundings) -> list[Broken]:
        """Return what is broken, part by part; parts that every row keeps may be left out.

        Args:
            rows: The rows, in the declared columns and types.
            around: What lies beyond them.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRule(Rule):
    """A rule about rows as a whole, which can't be set aside one by one.

    It sees rows in pieces: tallies of pieces add up by `add`, and are plain numbers, so that a load
    which is killed can carry on with them.
    """

    @abstractmethod
    def tally(self, rows: pl.DataFrame, around: Surroundings) -> Tally:
        """Return the numbers that the judgement needs from a piece."""
        ...

    @abstractmethod
    def add(self, one: Tally, two: Tally) -> Tally:
        """Return the tally of two pieces together. Associative."""
        ...

    @abstractmethod
    def measure(self, tally: Tally, around: Surroundings) -> Measured:
        """Judge the whole."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a table rule found.

    Attributes:
        kept: Whether the rule is kept.
        words: What is, to follow "data set Y": "has 3 rows, not at least 10".
        value: The number that was judged; None where there was nothing to judge.
    """

    kept: bool
    words: str
    value: float | None


def _nearest(name: str, columns: Mapping[str, pl.DataType]) -> str:
    return NotFound.named("column", name, columns).remedy
