"""`towpath dataset log|diff|tag|branch|adopt|drop|restore`: versions over time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
from cyclopts import Parameter

from towpath.assets.datasets.history import CARRIAGES
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.cli.rows import write_rows
from towpath.core.errors import UsageError
from towpath.core.refs import Ref
from towpath.trace.audit import RowsAudit

if TYPE_CHECKING:
    from towpath.assets.datasets.history import Diff
    from towpath.assets.datasets.profiles import Comparison
    from towpath.ledger.records import Version

_ACTOR = "cli"
_SHIFTS_SHOWN = 10


def log(name: str, /, *, limit: int = 20, common: Common = Common()) -> int:
    """List what became of a data set, newest version first.

    Args:
        name: The data set, or a branch of it: NAME~BRANCH.
        limit: How many versions to list.
    """
    with common.open() as home, home.ledger.read() as tx:
        tx.versions.get(Ref("dataset", name))
        found = tx.versions.list("dataset", name, limit=limit)
    if common.json:
        print_json(found)
        return 0
    print_table(
        ["version", "how", "rows", "added", "tags", "state", "run", "at"],
        [
            (
                one.ref.version,
                _how(one),
                one.body["rows"],
                one.body["added_rows"],
                ", ".join(one.aliases),
                one.state if one.revision == 1 else f"{one.state}, revision {one.revision}",
                (one.made_by or "")[:12],
                f"{one.created_at:%Y-%m-%d %H:%M:%S}",
            )
            for one in found
        ],
        empty=f"data set {name!r} has no version",
    )
    return 0


def diff(
    before: str,
    after: str | None = None,
    /,
    *,
    rows: bool = True,
    shifts: bool = True,
    to: Path | None = None,
    common: Common = Common(),
) -> int:
    """Compare two versions: columns, rows by key, and how far distributions have moved.

    Args:
        before: The earlier version: NAME@VERSION, NAME@TAG, NAME@TIME; a branch as NAME~BRANCH.
        after: The later one; the latest of the same line if left out.
        rows: Compare rows.
        shifts: Compare distributions.
        to: Write the rows that differ to this file too: .csv, .jsonl or .parquet. Where they are about
            people, that is recorded.
    """
    with common.open() as home:
        old = home.history.find(before).ref
        new = home.history.find(old.name if after is None else after).ref
        found = home.history.diff(old, new, rows=rows, shifts=shifts)
        if to is not None:
            RowsAudit(home.ledger).reads_all([old, new], actor=_ACTOR, exported=True)
            frames = list(home.history.changes(old, new))
            if not frames:
                raise UsageError(f"{old} and {new} have the same rows", remedy="Leave out --to.")
            write_rows(pl.concat(frames), to)
            err.print(f"wrote {to}")
    if common.json:
        print_json(found)
    else:
        _show_diff(found)
    return 0


def tag(
    ref: str,
    tag: str | None = None,
    /,
    *,
    delete: Flag = False,
    common: Common = Common(),
) -> int:
    """Point a tag at a version, or list the tags of a data set.

    A tagged version is never collected, and is found as NAME@TAG.

    Args:
        ref: NAME@VERSION, or NAME for the latest version (or to list, or to delete).
        tag: The tag; listed if left out.
        delete: Remove the tag.
    """
    with common.open() as home:
        if tag is None:
            found = home.history.tags(Ref.parse(ref, "dataset").name)
            if common.json:
                print_json(found)
            else:
                print_table(["tag", "version"], list(found.items()), empty="no version is tagged")
            return 0
        if delete:
            home.history.untag(Ref.parse(ref, "dataset").name, tag)
            err.print(f"tag {tag} removed")
            return 0
        version = home.history.tag(home.history.find(ref).ref, tag)
    _print_version(version, common)
    return 0


def branch(ref: str, branch: str | None = None, /, *, common: Common = Common()) -> int:
    """Begin a branch at a version, or list the branches of a data set.

    Args:
        ref: NAME@VERSION to begin at, or NAME for the latest version (or to list).
        branch: What to call it; listed if left out. Commit to it with: dataset add --branch.
    """
    with common.open() as home:
        if branch is not None:
            version = home.history.branch(home.history.find(ref).ref, branch)
            _print_version(version, common)
            return 0
        found = home.history.branches(Ref.parse(ref, "dataset").name)
    if common.json:
        print_json(found)
        return 0
    print_table(
        ["branch", "head", "base", "behind", "since"],
        [
            (one.name, one.head, one.base, one.behind, f"{one.created_at:%Y-%m-%d %H:%M:%S}")
            for one in found
        ],
        empty=f"{ref} has no branches",
    )
    return 0


def adopt(
    name: str, branch: str, /, *, expected: int | None = None, common: Common = Common()
) -> int:
    """Make the head of a branch the data set's next version, if nobody committed to it since.

    Args:
        name: The data set.
        branch: The branch.
        expected: Refuse unless this is the branch's latest version.
    """
    with common.open() as home:
        version = home.history.adopt(name, branch, expected=expected)
    _print_version(version, common)
    return 0


def drop(name: str, branch: str, /, *, common: Common = Common()) -> int:
    """End a branch. Its versions can be read until a collection finds that nothing uses them.

    Args:
        name: The data set.
        branch: The branch.
    """
    with common.open() as home:
        home.history.drop(name, branch)
    err.print(f"branch {branch} of {name} dropped")
    return 0


def restore(
    ref: str,
    /,
    *,
    expected: Annotated[int | None, Parameter(show_default=False)] = None,
    common: Common = Common(),
) -> int:
    """Make the content of an earlier version the newest version.

    Args:
        ref: NAME@VERSION, NAME@TAG or NAME@TIME.
        expected: Refuse unless this is the latest version now.
    """
    with common.open() as home:
        version = home.history.restore(home.history.find(ref).ref, expected=expected)
    _print_version(version, common)
    return 0


def _how(version: Version) -> str:
    mode = version.body.get("mode", "")
    if mode not in CARRIAGES:
        return mode
    return f"{mode} of {version.body['copied_from'].removeprefix('dataset:')}"


def _print_version(version: Version, common: Common) -> None:
    if common.json:
        print_json(version)
    else:
        out.print(f"{version.ref}  {version.body['rows']} rows")


def _show_diff(found: Diff) -> None:
    facts: dict[str, object] = {}
    for column in found.schema:
        facts[f"column {column.name}"] = f"{column.before or '–'} → {column.after or '–'}"
    if found.rows is not None:
        rows = found.rows
        facts |= {
            "rows added": rows.added,
            "rows removed": rows.removed,
            "rows changed": rows.changed,
            "rows unchanged": rows.unchanged,
        }
        if rows.columns:
            facts["changed in"] = dict(rows.columns)
        facts["files"] = f"{rows.files_shared} shared, {rows.files_compared} compared"
    print_facts(f"{found.before} → {found.after}", facts)
    moved = [one for one in found.shifts if one.js > 0 or one.nulls]
    if not found.shifts:
        return
    out.print()
    print_table(
        ["column", "JS", "KS", "PSI", "W/sd", "missing"],
        [_shift(one) for one in moved[:_SHIFTS_SHOWN]],
        empty="no distribution has moved",
    )
    if len(moved) > _SHIFTS_SHOWN:
        err.print(f"and {len(moved) - _SHIFTS_SHOWN} columns that moved less; see --json")


def _shift(one: Comparison) -> tuple[str, ...]:
    figures = (one.js, one.ks, one.psi, one.wasserstein_sd)
    missing = f"{one.nulls:+.2%}" if one.nulls else ""
    return (one.column, *("" if math.isnan(x) else f"{x:.4f}" for x in figures), missing)
