"""What a project says about a data set, and how a pipeline asks for part of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from towpath.assets.checks import Rule
from towpath.core.clock import as_utc, parse_time
from towpath.core.durations import format_duration, parse_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import Ref, check_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from towpath.assets.datasets.schema import Column, Schema

QUARANTINE_ID = "quarantine_id"
QUARANTINE_REASON = "quarantine_reason"
_BUCKETS_MOST = 1024


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named table that grows by versions.

    Attributes:
        name: Names it everywhere; lower-case letters, digits, `-`, `_` and `.`.
        schema: The class that declares its columns.
        key: The column, or columns, whose values tell rows apart.
        time: The column that says when a row's event happened; windows are cut by it.
        subject: The column that names the person (or whoever may withdraw) a row is about.
        subject_field: What the subject is called across data sets, by default the column's name.
            Data sets that call the same people differently share a subject by sharing this word.
        subject_hashed: Whether the subject column holds keyed hashes already, as rows taken from the
            decision log do. Buckets, suppression and erasure then go by the hash.
        description: One or two sentences for the data-set page.
        buckets: How many files a version is spread over by subject; fixed cost against the share of
            the data that one erasure rewrites. A data set without a subject has one.
        rules: What rows must keep beyond the schema, and what becomes of those that don't: `tp.rules`.
    """

    name: str
    schema: type[Schema] = field(kw_only=True)
    key: str | Sequence[str] = field(kw_only=True)
    time: str | None = field(default=None, kw_only=True)
    subject: str | None = field(default=None, kw_only=True)
    subject_field: str | None = field(default=None, kw_only=True)
    subject_hashed: bool = field(default=False, kw_only=True)
    description: str = field(default="", kw_only=True)
    buckets: int = field(default=16, kw_only=True)
    rules: Sequence[Rule] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a declaration that does not hang together."""
        check_name(self.name, "data set name")
        object.__setattr__(self, "key", self.key_columns)
        columns = {column.name: column for column in self.schema.columns()}
        for what, name in (*(("key", name) for name in self.key_columns), ("time", self.time)):
            if name is not None:
                self._require(columns, what, name)
        if self.time is not None and columns[self.time].type != "timestamp":
            self._refuse(f"its time column {self.time!r} is not a datetime")
        self._check_subject(columns)
        if not 1 <= self.buckets <= _BUCKETS_MOST:
            self._refuse(f"buckets is {self.buckets}, not between 1 and {_BUCKETS_MOST}")
        if self.subject is None:
            object.__setattr__(self, "buckets", 1)
        self._check_rules()

    def _check_subject(self, columns: dict[str, Column]) -> None:
        if self.subject is not None:
            if self._require(columns, "subject", self.subject, nullable=True).type != "string":
                self._refuse(f"its subject column {self.subject!r} is not a str")
            if self.subject_field is None and self.subject_hashed:
                self._refuse(
                    "its subjects are hashed, and it doesn't say as what",
                    "Add subject_field=…: the field that the hashes were made of.",
                )
            if self.subject_field is None:
                object.__setattr__(self, "subject_field", self.subject)
        elif self.subject_field is not None:
            self._refuse("it has a subject_field but no subject column")
        elif self.subject_hashed:
            self._refuse("its subjects are hashed, and it has no subject column")

    def _check_rules(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        for given in cast("Sequence[object]", self.rules):
            if not isinstance(given, Rule):
                self._refuse(
                    f"{given!r} is not a rule",
                    "Use tp.rules.…; a function goes into Custom(…), a pandera schema into Pandera(…).",
                )
        columns = dict(self.schema.polars_schema())
        titles = Counter(rule.title for rule in self.rules)
        for rule in self.rules:
            rule.check(columns)
            if titles[rule.title] > 1:
                self._refuse(f"two of its rules are called {rule.title!r}", "Give one a name=….")
        if any(rule.policy == "quarantine" for rule in self.rules):
            for name in {QUARANTINE_ID, QUARANTINE_REASON} & set(columns):
                self._refuse(f"its column {name!r} has a name that its quarantine needs")

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The key as a tuple, however it was written."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in declared order, with the subject column marked personal."""
        return tuple(
            replace(column, personal=True) if column.name == self.subject else column
            for column in self.schema.columns()
        )

    @property
    def ref(self) -> Ref:
        """`dataset:NAME`."""
        return Ref("dataset", self.name)

    def all(self) -> Selection:
        """Select every row of the version that is the latest when the run is planned."""
        return Selection(dataset=self)

    def last(self, span: str | timedelta) -> Selection:
        """Select the rows of the last `span` (`8 weeks`) before the moment the run is planned for."""
        return self.all().last(span)

    def between(self, since: str | datetime, until: str | datetime) -> Selection:
        """Select the rows with `since` ≤ time < `until`."""
        return self.all().between(since, until)

    def at(self, version: int) -> Selection:
        """Select every row of one version, whatever is the latest."""
        return self.all().at(version)

    def on(self, branch: str) -> Selection:
        """Select every row of the latest version of a branch."""
        return self.all().on(branch)

    def shard(self, index: int, *, of: int) -> Selection:
        """Select the rows of one shard of the subjects; see `Selection.shard`."""
        return self.all().shard(index, of=of)

    def _require(
        self, columns: dict[str, Column], what: str, name: str, *, nullable: bool = False
    ) -> Column:
        if name not in columns:
            missing = NotFound.named("column", name, columns)
            self._refuse(f"its {what} column {name!r} is not in its schema", missing.remedy)
        if columns[name].nullable and not nullable:
            self._refuse(f"its {what} column {name!r} may be missing", "Drop the `| None`.")
        return columns[name]

    def _refuse(self, why: str, remedy: str = "") -> NoReturn:
        raise InvalidProject(f"data set {self.name!r} can't be: {why}", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Part of a data set, as a pipeline asks for it: which version, and which window of time.

    At most one of `span` and (`since`, `until`) is set. A selection says nothing about data until it
    is pinned: `DatasetStore.pin` fixes version and window, so that a run can be repeated.

    Attributes:
        dataset: What it selects from.
        branch: The branch, or None for the trunk.
        version: The version number, or None for the latest when the run is planned.
        span: How far the window reaches back from the moment the run is planned for.
        since: Start of a fixed window, inclusive.
        until: End of a fixed window, exclusive.
        part: Index and count of a shard of the subjects; None for all.
    """

    dataset: Dataset
    branch: str | None = None
    version: int | None = None
    span: timedelta | None = None
    since: datetime | None = None
    until: datetime | None = None
    part: tuple[int, int] | None = None

    def shard(self, index: int, *, of: int) -> Selection:
        """Return the same selection with the rows of one of `of` shards of the subjects.

        All rows of a subject are in one shard, the same in every version and for ever: shards are
        whole buckets, number `index`, `index + of`, … An erasure changes one shard, so what a step
        made from another is not touched by it. Rows about nobody are in shard 0.

        Raises:
            InvalidProject: There is no such shard, or more shards than buckets, or no subject.
        """
        buckets = self.dataset.buckets
        if self.dataset.subject is None or not 0 <= index < of <= buckets:
            raise InvalidProject(
                f"data set {self.dataset.name!r} has no shard {index} of {of}",
                remedy=f"It has {buckets} buckets, which a subject= spreads rows over: "
                "take at most so many shards, counted from 0.",
            )
        return replace(self, part=(index, of))

    def last(self, span: str | timedelta) -> Selection:
        """Return the same selection with a window that reaches back from the planned moment."""
        self._needs_time()
        return replace(self, span=parse_duration(span), since=None, until=None)

    def between(self, since: str | datetime, until: str | datetime) -> Selection:
        """Return the same selection with the fixed window [since, until)."""
        self._needs_time()
        start, end = _moment(since), _moment(until)
        if start >= end:
            raise InvalidProject(
                f"the window of data set {self.dataset.name!r} ends before it begins",
                remedy=f"Swap them: between({until!r}, {since!r}).",
            )
        return replace(self, span=None, since=start, until=end)

    def at(self, version: int) -> Selection:
        """Return the same selection on one version."""
        return replace(self, version=self.dataset.ref.at(version).version)

    def on(self, branch: str | None) -> Selection:
        """Return the same selection on a branch, or with None on the trunk."""
        return replace(self, branch=self.dataset.ref.on(branch).branch)

    @property
    def line(self) -> Ref:
        """The line of versions it selects from: `dataset:NAME`, or `dataset:NAME~BRANCH`."""
        return self.dataset.ref.on(self.branch)

    def window(self, at: datetime) -> tuple[datetime | None, datetime | None]:
        """Return the window [since, until) for a run planned for `at`; None leaves a side open."""
        if self.span is None:
            return self.since, self.until
        return as_utc(at) - self.span, as_utc(at)

    def __str__(self) -> str:
        """Return it as a reader would say it."""
        text = str(self.line if self.version is None else self.line.at(self.version))
        if self.part is not None:
            text += f" shard {self.part[0]} of {self.part[1]}"
        if self.span is not None:
            return f"{text} last {format_duration(self.span)}"
        if self.since is not None and self.until is not None:
            return f"{text} from {self.since:%Y-%m-%dT%H:%MZ} until {self.until:%Y-%m-%dT%H:%MZ}"
        return text

    def _needs_time(self) -> None:
        if self.dataset.time is None:
            raise InvalidProject(
                f"data set {self.dataset.name!r} has no time column to cut a window by",
                remedy="Declare one: Dataset(…, time='…'), or use .all().",
            )


def _moment(when: str | datetime) -> datetime:
    return parse_time(when) if isinstance(when, str) else as_utc(when)


def describe_columns(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the columns as a version's body lists them."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "nullable": column.nullable,
            "description": column.description,
        }
        for column in dataset.columns
    ]
