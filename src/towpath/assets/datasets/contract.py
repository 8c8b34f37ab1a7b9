"""What a store of data sets promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from typing import Self

    import polars as pl

    from towpath.assets.checks import CheckReport
    from towpath.assets.datasets.declaration import Dataset, Selection
    from towpath.assets.datasets.manifest import DataFile
    from towpath.assets.datasets.profiles import Profile
    from towpath.assets.datasets.reading import Snapshot
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json, Version


class ArrowStream(Protocol):
    """Any table that hands itself over by Arrow's C stream interface: PyArrow, DuckDB or pandas."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds the stream."""
        ...


Also: TypeAlias = "Callable[[Transaction, Version], None]"
Rows: TypeAlias = "pl.DataFrame | pl.LazyFrame | ArrowStream"
Mode: TypeAlias = Literal["append", "overwrite", "merge", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A selection fixed for one run: what a step process needs to read the same rows again.

    Attributes:
        ref: The data set and version number.
        revision: The version's revision when it was pinned.
        manifest: Digest of the manifest blob; `scan_manifest` reads it with nothing but blobs.
        since: Start of the window, inclusive; None for no bound.
        until: End of the window, exclusive; None for no bound.
        part: Index and count of the shard of the subjects; None for all.
        digest: Stands for exactly the rows selected: equal digests mean equal rows, and a later
            version or another window that selects the same files whole has the same one.
    """

    ref: Ref
    revision: int
    manifest: str
    since: datetime | None
    until: datetime | None
    digest: str
    part: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedVersion:
    """What an erasure did to one version.

    Attributes:
        ref: The version; its number stays.
        revision: Its revision now.
        before: The digest of its content before.
        after: The digest of its content now.
        rows_removed: How many rows it lost.
    """

    ref: Ref
    revision: int
    before: str
    after: str
    rows_removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedDataset:
    """What an erasure did to one data set, over all calls that were needed to finish it.

    Attributes:
        name: The data set.
        versions: Every version that held the subject, oldest first.
        rows_removed: How many rows, told apart by key, are gone; one that many versions and files
            shared counts once.
        files_rewritten: Distinct files that held the subject.
        bytes_deleted: Bytes of files, manifests and profiles deleted.
    """

    name: str
    versions: tuple[ErasedVersion, ...]
    rows_removed: int
    files_rewritten: int
    bytes_deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What came of trying rows in quarantine again.

    Attributes:
        version: The data set's version now.
        added: How many rows left the quarantine.
        kept: How many are still set aside.
    """

    version: Version
    added: int
    kept: int


class Load(Protocol):
    """A version that is written in pieces and appears whole. Made by `DatasetStore.load`.

    Memory stays constant in the number of rows. A `write` that has returned is durable: after a kill,
    `DatasetStore.load` with the same name carries on at the `position` of the last that had one.
    Nothing is visible to readers before `commit`. A load is one writer's and not thread-safe; whoever
    opens it last has it, and the earlier writer's next call raises `Conflict`.

    Pieces lie in the blob store, and the ledger names them before they are written. An erasure of the
    data set deletes the pieces of its open loads, whoever they are about: the load starts over.
    """

    @property
    def position(self) -> Json | None:
        """Where the source last stood when it could carry on; None if it never could.

        Opening a load again drops the pieces that were written behind it.
        """
        ...

    @property
    def rows(self) -> int:
        """How many rows have been kept so far."""
        ...

    def write(self, rows: Rows, *, position: Json | None = None) -> None:
        """Check and keep a piece: a good one is 64 to 256 MB, and memory holds a few times that.

        Args:
            rows: The piece. Rows of withdrawn subjects are left out.
            position: Where the source stands after it; None if it can't carry on from there.

        Raises:
            SchemaViolation: As for `DatasetStore.commit`; what was kept before stays kept.
            Conflict: An erasure overtook the load, or somebody else opened it since.
        """
        ...

    def commit(self, *, also: Also | None = None) -> Version:
        """Make everything that was kept the next version, as `DatasetStore.commit` would.

        A row that occurs in several pieces, equal in every column, counts once. Keys are compared by
        64-bit hashes that are spilled to a temporary folder by range, eight bytes a row; only those
        that meet are read again and compared for what they are. Profile bins are chosen from a
        bounded sample spread over all pieces, and every file is then counted in them.

        Raises:
            SchemaViolation: A key occurs in two pieces with other values (in `merge` the later piece
                wins), or (append) is there with other values. Names how many; the load stays open.
            Conflict: Another commit came in between and `expected` was given, or an erasure overtook
                the load: it is discarded, and must be started over.
        """
        ...

    def discard(self) -> None:
        """Delete what was kept. Idempotent."""
        ...

    def __enter__(self) -> Self:
        """Return itself; leaving the block keeps what was written, for the next attempt."""
        ...

    def __exit__(self, *_: object) -> None: ...


class DatasetStore(Protocol):
    """Versions of tables, immutable but for erasure. Thread-safe and process-safe.

    A version is a manifest of content-addressed files, spread by subject into buckets; versions share
    files. What merging and deleting change lies in layers over what was there, told apart by key, so
    that a version costs what it changes; every read goes through `scan`, `open` or `layers`. A commit is compare-and-swap against the latest version and either happens whole or leaves
    nothing. An erasure gives every version that held the subject a new revision: same number, fewer
    rows, both digests in the ledger, old bytes deleted.

    A reference without a number means the latest version. A data set or version that does not exist
    raises `NotFound`; bytes that are not what they were raise `CorruptBlob`.
    """

    def commit(
        self,
        dataset: Dataset,
        rows: Rows,
        *,
        project: str,
        mode: Mode = "append",
        expected: int | None = None,
        made_by: str | None = None,
        branch: str | None = None,
        also: Also | None = None,
    ) -> Version:
        """Check `rows`, store them as the next version and return it.

        Columns may come in any order; whole numbers widen to floats, and times without a zone are
        taken as UTC; nothing else is converted. Rows of withdrawn subjects are left out and counted
        in the body (`suppressed_rows`). `append` adds to the latest version; a row that is there
        already, equal in every column, is skipped, so that sending a batch again is harmless.
        `overwrite` replaces the content and shares the files that stay equal. `merge` adds rows whose
        key is new and replaces those whose key is there; a row that is there already, equal in every
        column, is skipped. `delete` removes the rows with the keys given; the other columns are not
        needed, and keys that are not there are skipped. Content equal to the latest version's makes
        no new one: that version is returned. The body counts `added_rows`, `replaced_rows`,
        `deleted_rows` and `skipped_rows`.

        Keys are looked for by the bounds of their columns, then by their columns alone; merging and
        deleting read the rows that they find whole. Memory holds the given rows, what they replace,
        and now and then a bucket whose layers are due to become one.

        The data set's rules are judged first. Rows that one sets aside go to `NAME.quarantine` in the
        same transaction; the body's `checks` say how the rows did under each rule, and
        `looks_personal` which columns look personal without being declared so.

        Args:
            dataset: The declaration; it is declared in the ledger on the way.
            rows: The rows, in memory or lazy.
            project: The project that owns the data set.
            mode: Whether to add or to replace.
            expected: The version number the caller believes is the latest (0 for none).
            made_by: Id of the run that made the rows.
            branch: The branch to commit to, by its own line of version numbers; None for the trunk.
            also: Called in the transaction that records the version, so that what goes with it (how
                far an ingest has come) can't be lost or doubled; also when nothing changed.

        Raises:
            SchemaViolation: Rows don't fit the schema, repeat a key, break a rule that refuses them, or
                (append) repeat a key that is there with other values. Names the column, how many rows,
                and the first of them by number and key. Nothing is stored.
            Conflict: `expected` is not the latest, another project owns the name, or an erasure of
                the data set did not end in time.
        """
        ...

    def check(
        self, dataset: Dataset, rows: Rows | None = None, *, branch: str | None = None
    ) -> CheckReport:
        """Judge rows by a data set's rules without storing any; a rule that is broken is no error.

        Args:
            dataset: The declaration.
            rows: The rows, judged as if they were to be appended; None for those of the latest version,
                read in pieces, by today's rules.
            branch: The branch whose latest version they are judged beside; None for the trunk.

        Raises:
            SchemaViolation: The rows lack a column, or have one of another type or name.
        """
        ...

    def retry_quarantine(
        self, dataset: Dataset, *, project: str, made_by: str | None = None
    ) -> Retried:
        """Judge a data set's quarantine by today's rules; rows that pass are appended and leave it.

        Both happen in one transaction. Holds the quarantine in memory.

        Raises:
            NotFound: Nothing was ever set aside.
            SchemaViolation: A rule refuses the rows that would leave, or a stored row has the key of
                one of them and other values.
        """
        ...

    def load(
        self,
        dataset: Dataset,
        *,
        project: str,
        name: str,
        mode: Literal["append", "overwrite", "merge"] = "append",
        expected: int | None = None,
        made_by: str | None = None,
        branch: str | None = None,
    ) -> Load:
        """Begin, or carry on, a version that is written in pieces.

        A load of that name that was begun otherwise (another mode, or another declaration of the
        columns) is discarded, and a new one begun.

        Args:
            dataset: The declaration.
            project: The project that owns the data set.
            name: Names the load among those of the data set; the same name finds it again.
            mode: As for `commit`. Two loads may be open at once; each appears when it commits.
            expected: As for `commit`.
            made_by: As for `commit`.
            branch: As for `commit`.
        """
        ...

    def scan(
        self,
        ref: Ref,
        *,
        columns: list[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pl.LazyFrame:
        """Return a version's rows with `since` ≤ time < `until`, lazily.

        Files are opened and verified when the frame is collected. If an erasure came in between, the
        version is read as it is then, without whom it erased. Row order is the same each time but means
        nothing.

        Raises:
            Unavailable: On collect: an erasure replaced files in the middle of reading. Read again.
        """
        ...

    def open(
        self,
        ref: Ref,
        *,
        columns: list[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Snapshot:
        """Open a version for any reader: Polars, Arrow, pandas, DuckDB, Ray Data.

        `DatasetHistory.find` gives the version of a tag or of a moment. See `Snapshot`; columns and
        window are as for `scan`.
        """
        ...

    def pin(self, selection: Selection, *, at: datetime, version: int | None = None) -> Pin:
        """Fix a selection for a run planned for `at`.

        Args:
            selection: What the pipeline asked for.
            at: The event time that `last(…)` reaches back from.
            version: Overrides the selection's version: the retraining of an erased model reads the
                version that the first run read.
        """
        ...

    def profile(self, ref: Ref) -> Profile:
        """Return the profile of a version, as of its current revision."""
        ...

    def versions(self, name: str) -> list[Version]:
        """Return every version of a line, `flights` or `flights~what-if`, oldest first.

        Those that were collected are among them; their state says so.
        """
        ...

    def files(self, ref: Ref) -> tuple[DataFile, ...]:
        """Return the files of a version."""
        ...

    def holds(self, name: str, *subject_values: str) -> list[Ref]:
        """Return the versions, on all lines, that hold one of some subjects, oldest first.

        Reads their buckets, each file once.

        A version also holds whose rows it has on disk under newer ones, and whose deletion it records.
        """
        ...

    def compact(self, name: str, *, branch: str | None = None) -> Version:
        """Make the latest rows the next version, laid out for reading: no overlays, few files.

        Only buckets that have overlays or many small files are rewritten, two million rows in memory
        at most; the others' files are shared. Where there is nothing to gain no version is made, and the
        latest is returned. Its rows, and so its profile, are those of the version before; its body's
        `mode` is `compact`.

        Raises:
            NotFound: The data set, or branch, has no version.
            Conflict: Commits kept coming in between.
        """
        ...

    def erase(self, subject_value: str, name: str) -> ErasedDataset:
        """Remove a subject's rows from every version of a data set, on its trunk and all branches.

        Each distinct file that holds the subject is rewritten once; then, in one transaction, every
        affected version gets its next revision; then the old bytes are deleted. Kill it anywhere and
        call it again: it finishes. A data set without a subject column has nothing to erase. Commits
        that are under way are made to start over, so none brings back what is being removed, as long
        as the subject was suppressed first.
        """
        ...

    def erase_all(self, subject_values: Collection[str], name: str) -> ErasedDataset:
        """Remove several subjects at once, as `erase` does one: in one pass, and one revision.

        Each file is read once and rewritten once, however many of them it holds. Calling it again with
        the same subjects returns what was done for them; what was done for one of them alone is on a
        record of its own. Memory: the files that are rewritten, encoded.
        """
        ...
