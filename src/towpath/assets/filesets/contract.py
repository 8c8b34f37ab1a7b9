"""What a store of file sets promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import polars as pl

    from towpath.assets.filesets.declaration import FileSet
    from towpath.core.refs import Ref
    from towpath.ledger.records import Version

CheckoutMethod = Literal["auto", "reflink", "hardlink", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddProgress:
    """How far an add is; for whoever watches, never persisted.

    Attributes:
        files_done: Files whose digest is known and whose bytes are stored.
        files: Files found.
        size_bytes_done: Their bytes.
        size_bytes: Bytes of all files found.
    """

    files_done: int
    files: int
    size_bytes_done: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What an add came to.

    Attributes:
        version: The version that holds the result; the latest one when nothing had changed.
        added: Paths that are new.
        changed: Paths whose bytes or attributes are other ones.
        removed: Paths that are gone (only with `prune`).
        unchanged: Paths that were found as they were.
        read: Files that had to be read, because the stat cache could not vouch for them.
        read_bytes: Their bytes.
        suppressed: Files about withdrawn subjects: neither stored nor listed.
        left_out: Symbolic links, hidden and special files that were passed over.
        unmatched: Rows of the given attributes that name no file.
    """

    version: Version
    added: int
    changed: int
    removed: int
    unchanged: int
    read: int
    read_bytes: int
    suppressed: int = 0
    left_out: int = 0
    unmatched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One path that differs between two states of a file set.

    Attributes:
        path: The path.
        kind: `added`, `removed`, `changed` (other bytes), `described` (same bytes, other
            attributes), or `moved` (the same bytes were at `before_path`).
        size_bytes_before: Length before; None where it was not there.
        size_bytes_after: Length after; None where it is gone.
        before_path: Where moved bytes were.
    """

    path: str
    kind: Literal["added", "removed", "changed", "described", "moved"]
    size_bytes_before: int | None = None
    size_bytes_after: int | None = None
    before_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """What differs, ordered by path.

    Attributes:
        changes: One entry per path.
        unchanged: How many paths are the same.
    """

    changes: tuple[FileChange, ...]
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOut:
    """What a checkout did.

    Attributes:
        files: Files of the version that are in the folder now.
        written: Files that had to be written.
        written_bytes: Their bytes.
        removed: Files that were deleted from the folder (only with `prune`).
        method: How they were written: the one that `auto` settled on.
    """

    files: int
    written: int
    written_bytes: int
    removed: int
    method: CheckoutMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Bytes that no version of any file set uses.

    Attributes:
        blobs: How many blobs were (or, on a dry run, would be) deleted.
        size_bytes: Their bytes.
    """

    blobs: int
    size_bytes: int


class FileSetStore(Protocol):
    """Versions of folders of files. Thread-safe and process-safe.

    A file set *is* a data set: its rows say for each path which bytes lie there (`digest`,
    `size_bytes`, `media_type`) and what is known about them (the declared attributes), keyed by
    `path`. Versions, branches, tags, selections, profiles and erasure of those rows are the data-set
    store's; this store moves the bytes. They are content-addressed blobs in an area of their own
    (`BlobStore.area`), so that equal bytes are stored once however many paths, versions and file sets
    name them, and nothing but a file set can keep them or let them go.

    How bytes come and go: an add lists the digests that it relies on in `file_add` rows, before the
    first byte can be found by its name and until the transaction that makes them part of a version.
    A collection deletes what neither a version nor a living add relies on, and lists it in
    `file_deletion` rows first; an add that needs one of those waits. Kill either anywhere: the next
    collection finds what is left.

    A reference without a number means the latest version. What does not exist raises `NotFound`;
    bytes that are not what they were raise `CorruptBlob`. Paths are relative, separated by `/`.
    """

    def add(
        self,
        fileset: FileSet,
        source: Path | str,
        *,
        project: str,
        attributes: pl.DataFrame | None = None,
        prune: bool = False,
        recheck: bool = False,
        branch: str | None = None,
        expected: int | None = None,
        made_by: str | None = None,
        progress: Callable[[AddProgress], None] | None = None,
    ) -> Added:
        """Store the files of a folder and make them the next version.

        Bytes are read in constant memory. A file whose size, times and inode are those of an earlier
        add is not read again, unless it could have been written within the clock tick in which it was
        read then (git calls such entries racy). A file that changes while it is read is read again.
        Attributes of a path come from the declared pattern, then from `attributes`, then from the
        version before; they stay with the path when its bytes change. The version appears whole or
        not at all, and no version at all is made when nothing changed.

        Args:
            fileset: The declaration.
            source: A folder (every file below it), one file, or a glob (`scans/**/*.png`, relative to
                its part before the first wildcard). Symbolic links are not followed.
            project: The project that owns the file set.
            attributes: A table with a `path` column and any of the declared attributes.
            prune: Also remove paths that are no longer in the folder.
            recheck: Read every file, whatever the stat cache says.
            branch: The branch to commit to; None for the trunk.
            expected: The version number the caller believes is the latest (0 for none).
            made_by: Id of the run that made the files.
            progress: Called now and then, from one thread at a time.

        Raises:
            NotFound: There is no such folder or file.
            UsageError: A name can't be kept safely (not UTF-8, control characters), or `prune` comes
                without a folder.
            SchemaViolation: Attributes don't fit; nothing is listed.
            Conflict: `expected` is not the latest, or a file did not hold still.
        """
        ...

    def annotate(
        self,
        fileset: FileSet,
        attributes: pl.DataFrame,
        *,
        project: str,
        branch: str | None = None,
        made_by: str | None = None,
    ) -> Added:
        """Make a version with other attributes (labels, for instance) and the same bytes.

        Raises:
            NotFound: The file set has no version.
            SchemaViolation: Attributes don't fit.
        """
        ...

    def files(self, ref: Ref) -> pl.LazyFrame:
        """Return the rows of a version, one per file, without bytes."""
        ...

    def read(self, ref: Ref) -> pl.LazyFrame:
        """Return the rows of a version with a column `bytes` (Binary), lazily.

        Only files that survive the filters on other columns are read, and only when `bytes` is asked
        for; batches hold 64 MiB of files, or one larger file.
        """
        ...

    def open(self, ref: Ref, path: str) -> AbstractContextManager[Path]:
        """Give a local, read-only path with the bytes of one file, verified on first use."""
        ...

    def checkout(
        self,
        ref: Ref,
        folder: Path,
        *,
        only: str | None = None,
        method: CheckoutMethod = "auto",
        prune: bool = False,
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> CheckedOut:
        """Write the files of a version to a folder.

        A new folder appears whole or not at all. In one that exists each file is replaced atomically,
        and files that are as they should be are left alone. Files whose bytes are in no version would
        be lost: they are refused before anything is touched. Never writes outside `folder`, whatever the paths or links in it say.

        Args:
            ref: The version.
            folder: Where to; made if it does not exist.
            only: A glob over paths (`*` stops at `/`, `**` does not).
            method: `reflink` shares blocks copy-on-write and costs no space where the file system
                can; `hardlink` shares the stored blob itself, read-only; `copy` copies; `auto` takes
                the first that is safe to edit: reflink, else copy.
            prune: Also delete files in the folder that are not in the version.
            force: Overwrite (and with `prune` delete) files whose bytes are stored nowhere else.
            progress: Called with files done and files in all.

        Raises:
            Conflict: Files would be lost, a folder is in the way, or two paths of the version can't both
                exist here (a file system that ignores case).
            UsageError: The folder is a file, or the method is not possible here.
        """
        ...

    def diff(self, before: Ref, after: Ref) -> FileDiff:
        """Return what differs between two versions, of the same file set or of two."""
        ...

    def compare(
        self, fileset: FileSet, source: Path | str, *, branch: str | None = None
    ) -> FileDiff:
        """Return what an `add` with `prune` would change, storing nothing."""
        ...

    def collect(self, *, dry_run: bool = False) -> Collected:
        """Delete the bytes that no version of any file set uses and no living add is about to use.

        Call it after versions were let go of (`dataset gc`). Idempotent; kill it anywhere and call it
        again.
        """
        ...

    def purge(self, suppression: int) -> Collected:
        """Delete the bytes of subjects whose rows were erased. Call it after `DatasetStore.erase`.

        Waits until every living add obeys the suppression list at this generation, so that none
        brings back what is being removed, then collects, and forgets the stat caches.

        Args:
            suppression: Generation of the suppression list that names the subject.

        Raises:
            Conflict: An add did not obey within a minute.
        """
        ...


__all__ = [
    "AddProgress",
    "Added",
    "CheckedOut",
    "CheckoutMethod",
    "Collected",
    "FileChange",
    "FileDiff",
    "FileSetStore",
]
