"""`towpath dataset gc|publish`: letting go of old versions, and showing versions to other engines."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.prompt import Confirm

from towpath.assets.datasets.history import Retention
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, print_facts, print_json, print_table
from towpath.core.durations import parse_duration
from towpath.core.errors import UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.app.home import Home
    from towpath.assets.datasets.history import Collection
    from towpath.assets.datasets.publishing import Publication


def gc(
    name: str | None = None,
    /,
    *,
    keep_last: int = 1,
    older_than: str = "7d",
    dry_run: Flag = False,
    yes: Annotated[Flag, Parameter(name=["--yes", "-y"])] = False,
    common: Common = Common(),
) -> int:
    """Delete old versions that nothing uses, and the bytes that only they needed.

    Tagged versions stay, and so does whatever a model, a run under way, a branch, a publication or
    work to be done was made from or names.

    Args:
        name: The data set; all of them if left out.
        keep_last: How many of the latest versions of each line stay.
        older_than: Versions that were replaced less than this long ago stay.
        dry_run: Only say what would go.
        yes: Don't ask.
    """
    retention = Retention(keep_last=keep_last, older_than=parse_duration(older_than))
    if not dry_run and not yes and (common.json or not sys.stdin.isatty()):
        raise UsageError(
            "deleting versions needs a yes, and there is nobody to ask",
            remedy="Add --yes, or --dry-run.",
        )
    now = datetime.now(UTC)
    with common.open() as home:
        names = _names(home) if name is None else [name]
        planned = [home.history.collect(one, retention, now=now, dry_run=True) for one in names]
        if not dry_run and not yes:
            _show(planned)
            if not any(one.collected for one in planned):
                return 0
            if not Confirm.ask("Delete all of this?", console=err, default=False):
                return 1
        done = planned
        if not dry_run:
            done = [home.history.collect(one, retention, now=now) for one in names]
            files = home.files.collect()  # what only rows of those versions named
            if files.blobs:
                err.print(f"{files.blobs} stored files, {files.size_bytes} bytes, deleted besides")
    if common.json:
        print_json(done)
    else:
        _show(done)
    return 0


def publish(
    name: str | None = None,
    /,
    *,
    catalog: str = "towpath",
    table: str | None = None,
    last: int = 100,
    withdraw: Flag = False,
    common: Common = Common(),
) -> int:
    """Publish a data set to an Iceberg catalog, for other engines to read in place.

    Args:
        name: The data set; lists what is published if left out.
        catalog: `towpath`, the home's own on SQLite, or one that PyIceberg's settings name.
        table: NAMESPACE.NAME; by default the project and the data set.
        last: How many of the latest versions to publish, besides tagged ones.
        withdraw: Drop the table; the data set's files stay.
    """
    with common.open() as home:
        if name is None:
            found = home.publisher.publications()
            if common.json:
                print_json([_plain(one) for one in found])
            else:
                _list(found)
            return 0
        if withdraw:
            home.publisher.withdraw(name, catalog=catalog, table=table)
            err.print(f"{name} is not published in catalog {catalog} any more")
            return 0
        done = home.publisher.publish(name, catalog=catalog, table=table, last=last)
    if common.json:
        print_json(_plain(done))
        return 0
    facts = {"catalog": done.catalog, "versions": len(done.snapshots), "metadata": done.metadata}
    print_facts(done.table, facts)
    for ref, why in done.skipped.items():
        err.print(f"{ref} is left out: {why}")
    return 0


def _names(home: Home) -> list[str]:
    with home.ledger.read() as tx:
        names = [asset.name for asset in tx.versions.assets("dataset")]
        trunks = [name for name in names if Ref("dataset", name).branch is None]
        return [name for name in trunks if tx.versions.latest("dataset", name) is not None]


def _show(found: list[Collection]) -> None:
    print_table(
        ["data set", "versions", "files", "bytes", "kept"],
        [
            (one.dataset, len(one.collected), one.blobs, one.size_bytes, len(one.kept))
            for one in found
        ],
        empty="no data set has a version",
    )
    for one in found:
        for kept in one.kept:
            err.print(f"{kept.ref} stays: {kept.why}", markup=False)


def _list(found: list[Publication]) -> None:
    print_table(
        ["data set", "catalog", "table", "versions", "metadata"],
        [(one.dataset, one.catalog, one.table, len(one.snapshots), one.metadata) for one in found],
        empty="nothing is published; publish a data set: towpath dataset publish NAME",
    )


def _plain(publication: Publication) -> dict[str, object]:
    """Return a publication as JSON can hold it, versions by their names."""
    return {
        "dataset": publication.dataset,
        "catalog": publication.catalog,
        "table": publication.table,
        "last": publication.last,
        "metadata": publication.metadata,
        "snapshots": {str(ref): number for ref, number in publication.snapshots.items()},
        "refs": dict(publication.refs),
        "skipped": {str(ref): why for ref, why in publication.skipped.items()},
    }
