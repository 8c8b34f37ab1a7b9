"""What lineage says of rows: which versions carry them, which runs read them, and what came of that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.records import Json
    from towpath.trace.lineage.answered import Answered
    from towpath.trace.lineage.contract import TraceTree


_LISTS = (
    "versions",
    "unread",
    "reads",
    "models",
    "releases",
    "services",
    "derived",
    "answered",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsHeld:
    """What one version has of the rows.

    Attributes:
        ref: The version.
        revision: Its revision now; rows that were erased are not counted in any.
        rows: How many of these very rows live in it: same key, same content.
        changed: How many of their keys live in it with other content.
    """

    ref: str
    revision: int
    rows: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRead:
    """A run that was given some of the rows.

    Attributes:
        run: `run:ID`.
        kind: `pipeline`, `split`, …
        name: What was run.
        started_at: When, ISO 8601.
        source: The version that it read.
        rows: How many of the rows were in the windows that it read; None where they can't be counted,
            because what it read was derived from them.
        windowed: Whether it is on record what windows it read; if not, it counts as having read all.
    """

    run: str
    kind: str
    name: str
    started_at: str
    source: str
    rows: int | None
    windowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReached:
    """A model version that was made by a run that read some of the rows, to learn or to judge by.

    Attributes:
        ref: The model version.
        state: Where it stands now.
        rows: The most rows that one of its runs read; None where they can't be counted.
        runs: The runs.
        serves: The services that it serves now.
        decisions: How many recorded decisions it made.
    """

    ref: str
    state: str
    rows: int | None
    runs: tuple[str, ...]
    serves: tuple[str, ...]
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowImpact:
    """Everything that some rows reached. Every list is whole; a page shows its beginning and its length.

    Attributes:
        ref: Where the rows were picked from: a version, or the data set for a subject's rows.
        rows: How many rows.
        keys: The first of them by key: keyed hashes, unless plain keys were asked for.
        versions: Every version, on all lines, and parts that were split off, that carries one of them.
        clean: How many versions of the data set were looked at and carry none.
        unread: Versions that were collected: whether they carried the rows can't be told any more.
        reads: The runs that read some of them, newest first.
        spared: How many runs read one of those versions, and none of the rows.
        models: The model versions that came of it, and those fine-tuned from them.
        releases: The releases that include one of those models.
        services: The services that such a model serves now.
        derived: Data sets and feature views that were made from what carries the rows, in which rows
            can't be told apart any more; whoever read those counts as reached.
        answered: The decisions that those models made, by service, model and day.
    """

    ref: str
    rows: int
    keys: tuple[str, ...]
    versions: tuple[RowsHeld, ...]
    clean: int
    unread: tuple[str, ...]
    reads: tuple[RowsRead, ...]
    spared: int
    models: tuple[ModelReached, ...]
    releases: tuple[str, ...]
    services: tuple[str, ...]
    derived: tuple[str, ...]
    answered: tuple[Answered, ...]

    @property
    def decisions(self) -> int:
        """How many decisions were made by the models reached."""
        return sum(one.decisions for one in self.answered)

    def to_json(self, *, limit: int | None = None) -> Json:
        """Return it as JSON; lists are cut at `limit`, and `totals` says how long they are."""
        shown: Json = asdict(self)
        shown["answered"] = [{**one, "day": one["day"].isoformat()} for one in shown["answered"]]
        totals = {name: len(shown[name]) for name in _LISTS}
        cut = {name: list(shown[name])[:limit] for name in (*_LISTS, "keys")}
        return {**shown, **cut, "decisions": self.decisions, "totals": totals}


class RowTracer(Protocol):
    """Follows rows. Thread-safe.

    Asking is recorded: event `rows.traced` with the version, how many rows it was, which columns the
    condition names, and whether keys were shown; never a value. A row counts as the same while its key
    and its content are. A correction makes it another, and so do columns that were dropped or added with
    values.

    Cost: `RowTracker`'s for the rows, one step of the graph for each version that carries one, and the
    count of decisions.
    """

    def impact(
        self, ref: Ref, where: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> RowImpact:
        """Return what the rows of a version for which a condition holds have reached.

        Args:
            ref: A data-set version; without a number the latest.
            where: SQL over its columns, such as `origin = 'JFK'`; a null is no.
            actor: Who asks.
            plain_keys: Show keys as they are, and not as keyed hashes.

        Raises:
            NotFound: There is no such version, or it was collected.
            UsageError: The condition is no SQL, or does not fit the columns.
        """
        ...

    def impact_of_row(
        self, ref: Ref, key: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> RowImpact:
        """Return what one row has reached: `impact` by its key, as `trace_row` reads it."""
        ...

    def trace_row(
        self, ref: Ref, key: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> TraceTree:
        """Return where a row came from: the version that it came with, and back from there.

        Args:
            ref: A data-set version; without a number the latest.
            key: The row's key; of several columns as `carrier=AA,flight=1545`, where `%2C`, `%3D` and
                `%25` stand for a comma, an equals sign and a per cent sign in a value.
            actor: Who asks.
            plain_keys: As for `impact`.

        Raises:
            NotFound: There is no such version, or no such row in it.
            UsageError: The key is not one of this data set.
        """
        ...

    def impact_of_subject(
        self, field: str, value: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> list[RowImpact]:
        """Return what a person's rows have reached: one answer for each data set about such persons.

        The value is in no event; the answers name the subject nowhere.

        Raises:
            NotFound: No data set declares the field as its subject.
        """
        ...


__all__ = ["ModelReached", "RowImpact", "RowTracer", "RowsHeld", "RowsRead"]
