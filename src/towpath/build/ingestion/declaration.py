"""The declaration of an ingest: which source feeds which data set, how, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from towpath.core.digests import digest_json
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.datasets import Dataset
    from towpath.assets.sources import Source
    from towpath.ledger.records import Json

IngestMode: TypeAlias = Literal["append", "merge", "overwrite"]
_MODES = ("append", "merge", "overwrite")


@dataclass(frozen=True, slots=True)
class Ingest:
    """Rows of a source, taken into a data set as versions.

    A source that can tell what is new since the last time (files, a cursor column, snapshots of a
    table) is read in increments: the position that the last version reached is kept in the transaction
    that committed it. With `full`, or from a source that can't, every ingest reads everything; `append`
    then skips the rows that are there already.

    Attributes:
        dataset: Where the rows go. Its schema says which columns are read, and in which types.
        source: Where they come from.
        mode: `append` adds rows and refuses a key that is there with other values; `merge` adds new
            keys and replaces the rows of known ones; `overwrite` makes the source's rows the content.
        name: Unique among the project's ingests; the data set's name when left out.
        columns: The source's names of columns that are called otherwise there, by declared name; a
            dotted path reaches into nested records (`{"wind_speed": "wind.speed"}`).
        exact: Refuse columns that are not declared, and missing ones that may be, instead of leaving
            them out and filling them with nulls.
        full: Read everything each time. Always so with `overwrite`.
        once: Given by a command, not declared: nothing is kept of it but its run, and lineage calls its
            source after the data set.
        every: Event time between two ingests by a worker (`1h`); None: only when somebody asks.
    """

    dataset: Dataset
    source: Source
    mode: IngestMode = field(default="append", kw_only=True)
    name: str = field(default="", kw_only=True)
    columns: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)
    exact: bool = field(default=False, kw_only=True)
    full: bool = field(default=False, kw_only=True)
    once: bool = field(default=False, kw_only=True)
    every: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't work."""
        if not self.name:
            object.__setattr__(self, "name", self.dataset.name)
        check_name(self.name, "ingest name")
        if not callable(getattr(self.source, "read", None)):
            self._refuse(
                f"its source is a {type(self.source).__name__}",
                "Give one of tp.sources, such as tp.sources.Files('data/*.parquet').",
            )
        if self.mode not in _MODES:
            self._refuse(f"its mode is {self.mode!r}", f"Use one of {', '.join(_MODES)}.")
        if self.every is not None:
            parse_duration(self.every)
        declared = [column.name for column in self.dataset.columns]
        for name in self.columns:
            if name not in declared:
                missing = NotFound.named("column", name, declared)
                self._refuse(f"it renames {name!r}, which is no column", missing.remedy)

    @property
    def increments(self) -> bool:
        """Whether it carries on from where the last one ended."""
        return self.source.incremental and not self.full and self.mode != "overwrite"

    @property
    def begun_as(self) -> str:
        """A digest of what must not change between two runs of which one carries the other on."""
        return digest_json([self.describe(), self.exact, self.full])

    def describe(self) -> Json:
        """Return what the ledger and the pages may know of it, without credentials."""
        return {
            "dataset": self.dataset.name,
            "source": {"kind": self.source.kind, **self.source.describe()},
            "mode": self.mode,
            "columns": dict(self.columns),
            "increments": self.increments,
            "every": self.every,
        }

    def _refuse(self, why: str, remedy: str) -> NoReturn:
        raise InvalidProject(f"ingest {self.name!r} can't be: {why}", remedy=remedy)
