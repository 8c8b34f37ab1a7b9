"""`towpath files …`: folders of files as versions."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
from cyclopts import App, Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.prompt import Confirm

from towpath.assets.filesets import CheckoutMethod, FileSet, fileset_names
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_json, print_table
from towpath.cli.rows import read_rows
from towpath.core.errors import UsageError
from towpath.trace.audit import RowsAudit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from towpath.app.home import Home
    from towpath.assets.filesets import Added, AddProgress, FileDiff
    from towpath.core.refs import Ref

app = App(name="files", help="Versions of folders of files: add, list, checkout, diff.")
_ACTOR = "cli"
_MARKS = {"added": "+", "removed": "-", "changed": "~", "described": "=", "moved": ">"}


@app.command
def add(
    name: str,
    source: str,
    /,
    *,
    attributes: Path | None = None,
    prune: Flag = False,
    recheck: Flag = False,
    branch: str | None = None,
    expected: int | None = None,
    common: Common = Common(),
) -> int:
    """Store the files of a folder, and make them the next version if anything changed.

    Args:
        name: The file set, as the project declares it.
        source: A folder, one file, or a glob in quotes: 'scans/**/*.png'.
        attributes: A .csv, .jsonl or .parquet file with a column path and declared attributes.
        prune: Also remove paths that are no longer in the folder.
        recheck: Read every file, even if its size and times are those of the last add.
        branch: Add to this branch.
        expected: Refuse unless this is the latest version now.
    """
    project = common.project()
    fileset = project.fileset(name)
    table = None if attributes is None else _read_attributes(fileset, attributes)
    with common.open() as home, _bar(quiet=common.json) as progress:
        added = home.files.add(
            fileset,
            source,
            project=project.name,
            attributes=table,
            prune=prune,
            recheck=recheck,
            branch=branch,
            expected=expected,
            progress=progress,
        )
    return _report(added, as_json=common.json)


@app.command
def annotate(
    name: str,
    attributes: Path,
    /,
    *,
    branch: str | None = None,
    common: Common = Common(),
) -> int:
    """Give files other attributes (labels, for instance); their bytes stay.

    Args:
        name: The file set, as the project declares it.
        attributes: A .csv, .jsonl or .parquet file with a column path and declared attributes.
        branch: Commit to this branch.
    """
    project = common.project()
    fileset = project.fileset(name)
    table = _read_attributes(fileset, attributes)
    with common.open() as home:
        added = home.files.annotate(fileset, table, project=project.name, branch=branch)
    return _report(added, as_json=common.json)


@app.command(name="list")
def list_files(
    ref: str | None = None, /, *, only: str | None = None, common: Common = Common()
) -> int:
    """List file sets, or the files of a version.

    Args:
        ref: NAME for the latest, NAME@VERSION, NAME@TAG; none lists the file sets.
        only: Only paths that match this glob.
    """
    with common.open() as home:
        if ref is None:
            return _list_sets(home, as_json=common.json)
        version = _find(home, ref)
        RowsAudit(home.ledger).reads_all([version], actor=_ACTOR, files=True)
        rows = home.files.files(version).sort("path").collect()
    if only is not None:
        rows = rows.filter(pl.Series(_matching(rows["path"], only), dtype=pl.Boolean))
    if common.json:
        print_json(rows.to_dicts())
        return 0
    print_table(
        [name.replace("_", " ") for name in rows.columns if name != "digest"],
        rows.drop("digest").iter_rows(),
        empty="no file matches" if only else "the version has no files",
    )
    return 0


@app.command
def checkout(
    ref: str,
    folder: Path,
    /,
    *,
    only: str | None = None,
    method: CheckoutMethod = "auto",
    prune: Flag = False,
    force: Flag = False,
    common: Common = Common(),
) -> int:
    """Write the files of a version to a folder. Where they are about people, that is recorded.

    Args:
        ref: NAME for the latest, NAME@VERSION, NAME@TAG.
        folder: Where to. A new folder appears whole or not at all.
        only: Only paths that match this glob, in quotes: '**/*.png'.
        method: auto shares blocks where the file system can, else copies; hardlink shares the stored
            bytes themselves, read-only.
        prune: Also delete files in the folder that are not in the version.
        force: Overwrite and delete files whose bytes are in no version.
    """
    with common.open() as home, _counted(quiet=common.json) as progress:
        version = _find(home, ref)
        RowsAudit(home.ledger).reads_all([version], actor=_ACTOR, exported=True)
        done = home.files.checkout(
            version,
            folder,
            only=only,
            method=method,
            prune=prune,
            force=force,
            progress=progress,
        )
    if common.json:
        print_json(done)
        return 0
    gone = f", {done.removed} removed" if done.removed else ""
    out.print(f"{folder}  {done.files} files, {done.written} written ({done.method}){gone}")
    return 0


@app.command
def diff(before: str, after: str, /, *, common: Common = Common()) -> int:
    """Show what differs between two versions, or between the latest version and a folder.

    Args:
        before: NAME@VERSION, or the NAME of a file set to compare a folder with.
        after: NAME@VERSION, or a folder.
    """
    folder = Path(after)
    with common.open() as home:
        if folder.is_dir():
            found = home.files.compare(common.project().fileset(before), folder)
        else:
            found = home.files.diff(_find(home, before), _find(home, after))
    return _show(found, as_json=common.json)


@app.command
def gc(
    *,
    dry_run: Flag = False,
    yes: Annotated[Flag, Parameter(name=["--yes", "-y"])] = False,
    common: Common = Common(),
) -> int:
    """Delete bytes that no version of any file set uses any more.

    Versions are let go of by towpath dataset gc, which does this as well; here it finds what adds that
    were killed have left.

    Args:
        dry_run: Only say how much that would be.
        yes: Don't ask.
    """
    if not dry_run and not yes and (common.json or not sys.stdin.isatty()):
        raise UsageError(
            "deleting bytes needs a yes, and there is nobody to ask",
            remedy="Add --yes, or --dry-run.",
        )
    with common.open() as home:
        found = home.files.collect(dry_run=True)
        if found.blobs and not dry_run:
            question = f"Delete {found.blobs} blobs, {found.size_bytes} bytes?"
            if not yes and not Confirm.ask(question, console=err, default=False):
                return 1
            found = home.files.collect()
    if common.json:
        print_json(found)
        return 0
    verb = "would be deleted" if dry_run else "deleted"
    out.print(f"{found.blobs} blobs, {found.size_bytes} bytes {verb}")
    return 0


def _find(home: Home, text: str) -> Ref:
    return home.history.find(text).ref


def _matching(paths: pl.Series, only: str) -> list[bool]:
    from towpath.assets.filesets.patterns import PathPattern

    glob = PathPattern.of_glob(only)
    return [glob.match(path) is not None for path in paths]


def _read_attributes(fileset: FileSet, path: Path) -> pl.DataFrame:
    table = read_rows(path, fileset.dataset.columns)
    known = {column.name for column in fileset.dataset.columns}
    for name in table.columns:
        if name not in known:
            raise UsageError(
                f"{path} has a column {name!r}, which file set {fileset.name!r} does not declare",
                remedy="Declare it among the attributes, or leave it out.",
            )
    return table


def _list_sets(home: Home, *, as_json: bool) -> int:
    with home.ledger.read() as tx:
        found = [tx.versions.latest("dataset", name) for name in fileset_names(tx)]
    versions = [version for version in found if version is not None]
    if as_json:
        print_json(versions)
        return 0
    sizes = [
        home.files.files(one.ref).select(pl.col("size_bytes").sum()).collect().item()
        for one in versions
    ]
    print_table(
        ["file set", "version", "revision", "files", "bytes"],
        [
            (one.ref.name, one.ref.version, one.revision, one.body["rows"], size)
            for one, size in zip(versions, sizes, strict=True)
        ],
        empty="no file set has a version yet; add one: towpath files add NAME FOLDER",
    )
    return 0


def _report(added: Added, *, as_json: bool) -> int:
    if as_json:
        print_json(added)
        return 0
    if not (added.added or added.changed or added.removed):
        err.print("nothing new: the latest version has exactly these files")
    counts = {"added": added.added, "changed": added.changed, "removed": added.removed}
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    out.print(f"{added.version.ref}  {added.version.body['rows']} files" + (told and f"  {told}"))
    for count, what in (
        (added.suppressed, "about withdrawn subjects: not stored"),
        (added.left_out, "hidden, symbolic links or special: passed over"),
        (added.unmatched, "rows of attributes name no file here"),
    ):
        if count:
            err.print(f"{count} {what}")
    return 0


def _show(found: FileDiff, *, as_json: bool) -> int:
    if as_json:
        print_json(found)
        return 0
    for change in found.changes:
        came = f"  (was {change.before_path})" if change.before_path else ""
        out.print(f"{_MARKS[change.kind]} {change.path}{came}", markup=False)
    err.print(f"{len(found.changes)} differ, {found.unchanged} are the same")
    return 0


@contextmanager
def _bar(*, quiet: bool) -> Generator[Callable[[AddProgress], None] | None]:
    """Give a callback that draws how many bytes are stored: a bar on a terminal, lines elsewhere."""
    if quiet:
        yield None
        return
    columns = (
        TextColumn("storing"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        told = 0

        def show(at: AddProgress) -> None:
            nonlocal told
            bar.update(task, total=at.size_bytes, completed=at.size_bytes_done)
            tenth = 10 * at.size_bytes_done // max(at.size_bytes, 1)
            if not err.is_terminal and tenth > told:
                told = tenth
                err.print(
                    f"stored {at.files_done} of {at.files} files, {tenth * 10} % of the bytes"
                )

        yield show


@contextmanager
def _counted(*, quiet: bool) -> Generator[Callable[[int, int], None] | None]:
    """Give a callback that draws how many files are written."""
    if quiet or not err.is_terminal:
        yield None
        return
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("writing", total=None)
        yield lambda done, total: bar.update(task, total=total, completed=done)
