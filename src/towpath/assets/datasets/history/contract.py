"""What can be done with the versions of data sets: name, branch, compare, bring back, let go of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta

    import polars as pl

    from towpath.assets.datasets.profiles import Comparison
    from towpath.core.refs import Ref
    from towpath.ledger.records import Version

CHANGE = "__change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A line of versions beside the trunk.

    Attributes:
        name: The branch.
        base: The trunk's version that it started from, or that last adopted it.
        head: Its latest version.
        behind: How many versions the trunk has added since `base`; adopting needs 0.
        project: The project that owns the data set.
        created_at: When it was made, in wall time.
    """

    name: str
    base: Ref
    head: Ref
    behind: int
    project: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A column that one version has and the other has not, or has otherwise.

    Attributes:
        name: The column.
        before: Its type, with ` | None` where values may be missing; None where it is not there.
        after: Likewise.
    """

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChanges:
    """How many rows differ between two versions, told apart by key.

    Attributes:
        added: Keys that only the later version has.
        removed: Keys that only the earlier version has.
        changed: Keys that both have, with other values in any column that either has.
        unchanged: Keys whose rows are equal.
        columns: Per column, in how many of the changed rows its value differs; columns without any
            are left out.
        files_shared: Files that both versions have, and that were not read for it unless an overlay
            touches their rows.
        files_compared: Files that only one of them has.
    """

    added: int
    removed: int
    changed: int
    unchanged: int
    columns: Mapping[str, int]
    files_shared: int
    files_compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What differs between two versions. Holds no value of any row.

    Attributes:
        before: The earlier version.
        after: The later version.
        schema: Columns that differ, in the later version's order, removed ones last.
        rows: Counts by key; None where the two are keyed otherwise, or rows were not asked for.
        shifts: Per column that both have: how far its distribution has moved, by the distances of
            `Comparison`, with `before` as the reference; the furthest first, by Jensen–Shannon.
    """

    before: Ref
    after: Ref
    schema: tuple[ColumnChange, ...]
    rows: RowChanges | None
    shifts: tuple[Comparison, ...]

    @property
    def is_empty(self) -> bool:
        """Whether rows were compared, and nothing differs."""
        same = self.rows is not None and not (
            self.rows.added or self.rows.removed or self.rows.changed
        )
        return same and not self.schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A version that a collection leaves alone, and why."""

    ref: Ref
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a collection let go of, or would.

    Attributes:
        dataset: The trunk's name.
        collected: Versions whose rows can't be read any more, oldest first.
        kept: Versions that were old enough and are still in use, with the reason.
        blobs: How many files, manifests and profiles nothing needed any more.
        size_bytes: Their bytes, which are deleted.
    """

    dataset: str
    collected: tuple[Ref, ...] = ()
    kept: tuple[Kept, ...] = ()
    blobs: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Which versions a collection may let go of: those that fail every rule that is set.

    Attributes:
        keep_last: How many of the latest versions of each line stay; at least 1.
        older_than: Versions that were replaced less than this long ago stay; None for no such rule.
            Give it when readers without a run in the ledger may be under way.
    """

    keep_last: int = 1
    older_than: timedelta | None = None


ChangeKind = Literal["added", "removed", "before", "after"]


class DatasetHistory(Protocol):
    """Operations on the versions of data sets. Thread-safe and process-safe.

    A *line* is a sequence of versions: the trunk (`flights`) or a branch (`flights~what-if`). The
    lines of a data set share files, and are its *family*: an erasure and a collection look at all of
    them. Operations that make a version store no bytes but a ledger entry: the new version's manifest
    is an old one's.

    A version that was collected (state `collected`) keeps its number, digest and lineage; its rows
    can't be read, and asking for them raises `NotFound` saying so.
    """

    # -- naming -----------------------------------------------------------------------------------

    def find(self, text: str) -> Version:
        """Return the version that a text names.

        `flights` is the latest, `flights@7` a number, `flights@golden` a tag, and
        `flights@2026-03-01` or `flights@2026-03-01T06:00Z` what was the latest then. A branch goes
        before the `@`: `flights~what-if@2`. A leading `dataset:` may be there.

        Raises:
            InvalidName: The text is none of these.
            NotFound: There is no such data set, branch, version or tag, or it did not exist yet.
        """
        ...

    def as_of(self, name: str, at: datetime) -> Version:
        """Return the version of a line that was its latest at a moment of wall time.

        Raises:
            NotFound: The line had no version then.
        """
        ...

    def tag(self, ref: Ref, tag: str) -> Version:
        """Point a tag at a version, wherever it pointed before; a tagged version is never collected.

        Raises:
            InvalidName: The tag is a number or a time, which would hide what they mean.
            NotFound: There is no such version, or it was collected.
        """
        ...

    def untag(self, name: str, tag: str) -> None:
        """Remove a tag. Raises `NotFound` where there is none."""
        ...

    def tags(self, name: str) -> dict[str, int]:
        """Return a line's tags and the numbers of the versions they point at, by name."""
        ...

    # -- lines ------------------------------------------------------------------------------------

    def branch(self, start: Ref, branch: str, *, made_by: str | None = None) -> Version:
        """Begin a branch at a version of the trunk (without a number: the latest).

        Its first version has the rows of that version. A name that was dropped may be used again; the
        numbers of its versions go on.

        Raises:
            Conflict: The branch exists.
            InvalidName: The branch can't be called so, or `start` lies on a branch itself.
        """
        ...

    def branches(self, name: str) -> list[Branch]:
        """Return the living branches of a data set, by name."""
        ...

    def adopt(
        self,
        name: str,
        branch: str,
        *,
        expected: int | None = None,
        made_by: str | None = None,
    ) -> Version:
        """Make a branch's head the trunk's next version: a fast-forward.

        The branch stays, and its base is now that version. If nothing was committed to it, the
        trunk's latest version is returned.

        Args:
            name: The data set.
            branch: The branch.
            expected: The branch's version that was looked at; refused if it is not the head any more.
            made_by: Id of the run that decided it.

        Raises:
            Conflict: The trunk has moved on since the branch's base, or the branch past `expected`.
            NotFound: There is no such branch.
        """
        ...

    def drop(self, name: str, branch: str) -> None:
        """End a branch. Its versions stay readable until a collection finds that nothing uses them.

        Raises:
            NotFound: There is no such branch.
        """
        ...

    def restore(
        self, ref: Ref, *, expected: int | None = None, made_by: str | None = None
    ) -> Version:
        """Make the content of an earlier version the next version of its line.

        Rows erased since stay erased: an earlier version does not hold them either. If the latest
        version has the same content, it is returned.

        Raises:
            Conflict: `expected` is not the latest number of the line.
            NotFound: The version does not exist or was collected.
        """
        ...

    # -- comparing --------------------------------------------------------------------------------

    def diff(self, before: Ref, after: Ref, *, rows: bool = True, shifts: bool = True) -> Diff:
        """Compare two versions of one data set, on any of its lines.

        Files that both have are skipped. The rest is compared bucket by bucket, so that memory holds
        two buckets, and besides only the keys that left one bucket and may have come to another. A
        distribution whose bins differ between the two profiles costs one scan of the later version.

        Raises:
            UsageError: They belong to different data sets.
            Conflict: An erasure replaced files meanwhile, several times over.
        """
        ...

    def changes(self, before: Ref, after: Ref) -> Iterator[pl.DataFrame]:
        """Yield the rows that differ, with a first column `__change`, a frame per bucket or fewer.

        `added` rows are the later version's, `removed` ones the earlier's; a row that changed is there
        twice, as `before` and as `after`. Columns are the later version's, then those only the
        earlier one has. Order means nothing. Costs as for `diff`.

        Raises:
            UsageError: They belong to different data sets, or are keyed otherwise.
            NotFound: An erasure replaced a file meanwhile; start over.
        """
        ...

    # -- letting go -------------------------------------------------------------------------------

    def collect(
        self, name: str, retention: Retention, *, now: datetime, dry_run: bool = False
    ) -> Collection:
        """Let go of old versions that nothing uses, and delete the bytes that only they needed.

        Kept, whatever the rules say: the latest version of the trunk and of each living branch, a
        living branch's base, tagged versions, and every version that something living was made from:
        a model whose bytes are there, a version of a feature view or of another data set, an open
        run, or a row of desired state (a `pipeline_run`, a load, an erasure) that names it.

        Versions go a few hundred per transaction, and each transaction looks again at what uses them;
        kill it anywhere, and what was done is whole. A commit under way keeps the bytes it announced.
        A second call carries on.

        Args:
            name: The data set; all its lines are looked at.
            retention: Which versions are old enough.
            now: Wall time, which ages are taken at.
            dry_run: Only say what would go.

        Raises:
            UsageError: `keep_last` is below 1.
            Conflict: Commits and erasures came in between each attempt.
        """
        ...


__all__ = [
    "CHANGE",
    "Branch",
    "ChangeKind",
    "Collection",
    "ColumnChange",
    "DatasetHistory",
    "Diff",
    "Kept",
    "Retention",
    "RowChanges",
]
