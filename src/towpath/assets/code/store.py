"""Keeps versions of projects' code, and lays them out again to be run."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from towpath.assets.code.bundle import Bundle, BundledFile, check_path, read_bundle
from towpath.assets.code.ignoring import kept_files
from towpath.assets.code.lock import environment_lock
from towpath.core.digests import canonical_json, digest_file, digest_json
from towpath.core.errors import Conflict, IntegrityError, InvalidProject
from towpath.storage.files import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from towpath.core.refs import Ref
    from towpath.ledger import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore

log = structlog.get_logger()

SETTINGS = ("pyproject.toml", "towpath.toml")
_FILE_BYTES_MOST = 10 << 20
_BUNDLE_BYTES_MOST = 100 << 20
_ATTEMPTS = 5


class CodeStore:
    """Project code as content-addressed bundles. Thread-safe and process-safe.

    A bundle is a manifest that lists the files of a project, each a blob: Python files, the settings
    files, and whatever else is named. Nothing is ever unpickled or executed here.

    Args:
        ledger: Where versions are recorded.
        blobs: Where the files are kept.
        root: Folder that bundles are laid out in, one subfolder each; made if need be, 0700.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, root: Path) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._root = root

    def snapshot(
        self, project_dir: Path, project_name: str, entry: str, *, files: Sequence[str] = ()
    ) -> Version:
        """Keep a project's code as it is now; the latest version when nothing has changed.

        What `.gitignore`, `.towpathignore` and good sense leave out (hidden files, caches, virtual
        environments) is left out.

        Args:
            project_dir: The project's folder.
            project_name: Names the asset.
            entry: `module:attribute` of the declaration.
            files: Patterns, relative to the folder, of files that are not Python and belong to it.

        Raises:
            InvalidProject: There is no Python file, a pattern matches nothing, a file leads out of the
                folder, or something is too large for code.
        """
        bundled: list[BundledFile] = []
        for path in _chosen(project_dir.resolve(), files):
            relative = check_path(path.relative_to(project_dir.resolve()).as_posix())
            digest, size = self._blobs.put_file(path), path.stat().st_size
            bundled.append(BundledFile(path=relative, digest=digest, size_bytes=size))
        bundle = Bundle(entry=entry, files=tuple(sorted(bundled, key=lambda one: one.path)))
        manifest = self._blobs.put(canonical_json(bundle))
        lock = self._blobs.put(environment_lock())
        body = {"bundle": manifest, "entry": entry, "files": len(bundled), "lock": lock}
        return self._commit(project_name, body)

    def read(self, ref: Ref) -> Bundle:
        """Return the manifest of a version.

        Raises:
            NotFound: There is no such version.
            IntegrityError: The manifest is unsafe or unreadable.
        """
        with self._ledger.read() as tx:
            digest: str = tx.versions.get(ref).body["bundle"]
        return read_bundle(self._blobs.get(digest))

    def unpack(self, ref: Ref) -> Path:
        """Return a folder that holds exactly a version's files, every one of them verified.

        A folder that is there is used again if nothing in it was changed, added or removed, and is
        otherwise replaced. It appears whole or not at all, so a crash can't leave half a project.

        Raises:
            NotFound: There is no such version, or a file's blob is gone.
            CorruptBlob: A file's blob is not what was kept.
            IntegrityError: The manifest holds a path that leads out of the folder, or somebody changes
                the folder meanwhile.
            StorageFull: The disk is full.
        """
        with self._ledger.read() as tx:
            digest: str = tx.versions.get(ref).body["bundle"]
        return lay_out(self._blobs, digest, self._root)

    def _commit(self, project: str, body: Mapping[str, object]) -> Version:
        digest = digest_json(body)
        for _ in range(_ATTEMPTS):
            with self._ledger.read() as tx:
                latest = tx.versions.latest("code", project)
            if latest is not None and latest.digest == digest:
                return latest
            try:
                with self._ledger.write(actor="code") as tx:
                    tx.versions.declare("code", project, project=project)
                    return tx.versions.commit(
                        "code",
                        project,
                        digest=digest,
                        body=body,
                        expected=0 if latest is None else latest.ref.version,
                    )
            except Conflict:
                continue
        raise Conflict(
            f"the code of project {project!r} is being kept by others all the time",
            remedy="Try again.",
        )


def lay_out(blobs: BlobStore, digest: str, root: Path) -> Path:
    """Return `root`/`digest`, holding exactly the files of the bundle of that digest.

    What `CodeStore.unpack` does, for a process that has the blob store and no ledger: the same
    promises, the same errors.
    """
    bundle = read_bundle(blobs.get(digest))
    target = root / digest
    if target.is_dir() and not target.is_symlink():
        if _is_intact(target, bundle):
            return target
        log.warning("code.tampered", bundle=digest)
        _discard(target)
    with disk_errors(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{digest[:16]}-", dir=root))
        try:
            _write(blobs, bundle, draft)
            _claim(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    if not _is_intact(target, bundle):
        raise IntegrityError(
            f"the folder {target} does not hold the bundle {digest}",
            remedy="Somebody else writes to it; make sure nobody can.",
        )
    return target


def _write(blobs: BlobStore, bundle: Bundle, folder: Path) -> None:
    for file in bundle.files:
        path = folder / file.path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(blobs.get(file.digest))
        path.chmod(0o400)


def _chosen(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """Yield the files of a project that go into its bundle."""
    kept = list(kept_files(folder))
    wanted = {path for path in kept if path.suffix == ".py"}
    if not wanted:
        raise InvalidProject(
            f"there is no Python file in {folder}", remedy="Run this in the project's folder."
        )
    wanted |= {folder / name for name in SETTINGS if (folder / name).is_file()}
    for pattern in patterns:
        found = {path for path in kept if path.relative_to(folder).match(pattern)}
        if not found:
            raise InvalidProject(
                f"no file of the project matches {pattern!r}",
                remedy="Correct the pattern, or take it out of what is ignored.",
            )
        wanted |= found
    total = 0
    for path in sorted(wanted):
        real = path.resolve()
        if not real.is_relative_to(folder):
            raise InvalidProject(
                f"{path.relative_to(folder)} is a link that leads out of the project",
                remedy="Copy the file into the project, or ignore it.",
            )
        size = real.stat().st_size
        total += size
        if size > _FILE_BYTES_MOST or total > _BUNDLE_BYTES_MOST:
            raise InvalidProject(
                f"{path.relative_to(folder)} makes the project too large to be kept as code",
                remedy="Add it to .towpathignore; data belongs into a data set.",
            )
        yield path


def _is_intact(folder: Path, bundle: Bundle) -> bool:
    """Tell whether a folder holds the bundle's files, with their content, and nothing else."""
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    if found.keys() != {file.path for file in bundle.files}:
        return False
    return all(
        not found[file.path].is_symlink() and digest_file(found[file.path]) == file.digest
        for file in bundle.files
    )


def _claim(draft: Path, target: Path) -> None:
    """Give a finished folder its name; one that another process finished first stays."""
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _discard(folder: Path) -> None:
    """Take a folder away in one step, then remove it."""
    aside = folder.with_name(f".{folder.name[:16]}-{os.getpid()}-old")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
