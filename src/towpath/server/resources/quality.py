"""What rules found in rows, and which columns look personal. No value of a row but keys of broken ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSample:
    """A row that broke a rule: its number in the commit, and its key unless that is personal."""

    row: int
    key: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFinding:
    """How rows did under one rule.

    Attributes:
        rule: Its class, such as `Between`.
        policy: What failing it means: `refuse`, `quarantine` or `warn`.
        tolerance: The share of rows that may break it.
        outcome: `kept`, `tolerated`, `warned`, `quarantined` or `refused`.
        words: What is wrong; empty where nothing is.
        value: What a rule about the table measured.
    """

    rule: str
    name: str
    columns: list[str]
    policy: str
    tolerance: float
    checked: int
    broken: int
    outcome: str
    words: str
    value: float | None
    sample: list[RuleSample]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """How the rows of a commit did under the data set's rules.

    Attributes:
        quarantined: How many were set aside, in the version `quarantine`.
        against: Versions of other data sets that rules looked rows up in.
    """

    rows: int
    quarantined: int
    quarantine: str | None
    against: list[str]
    rules: list[RuleFinding]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalMark:
    """A column that looks personal without being declared so.

    Attributes:
        kind: What its values look like: `e-mail address`, `phone number`, …
        share: The share of the sampled values that do.
        inside: Whether they stand inside longer texts.
        says: All of that in a sentence.
    """

    column: str
    kind: str
    share: float
    sampled: int
    inside: bool
    says: str
