"""`towpath dataset …`: commit files as versions, list versions, read the rows of any of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from cyclopts import App

from towpath.cli.changes import compact, delete_rows
from towpath.cli.checks import check, quarantine
from towpath.cli.history import adopt, branch, diff, drop, log, restore, tag
from towpath.cli.ingests import add, ingest
from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.cli.profiles import profile
from towpath.cli.retention import gc, publish
from towpath.cli.rows import write_rows
from towpath.cli.splits import split
from towpath.core.refs import Ref
from towpath.trace.audit import RowsAudit

_ACTOR = "cli"

app = App(name="dataset", help="Versions of tables: add, ingest, list, show, read.")
app.command(add)
app.command(ingest)
app.command(delete_rows)
app.command(compact)
app.command(check)
app.command(quarantine)
app.command(split)
app.command(profile)
for _operation in (log, diff, tag, branch, adopt, drop, restore, gc, publish):
    app.command(_operation)


@app.command(name="list")
def list_datasets(*, common: Common = Common()) -> int:
    """List data sets with their latest versions."""
    with common.open() as home, home.ledger.read() as tx:
        names = [asset.name for asset in tx.versions.assets("dataset")]
        trunks = [name for name in names if Ref("dataset", name).branch is None]
        latest = [tx.versions.latest("dataset", name) for name in trunks]
    if common.json:
        print_json([one for one in latest if one is not None])
        return 0
    rows = [
        (one.ref.name, one.ref.version, one.revision, one.body["rows"], one.body["bytes"])
        for one in latest
        if one is not None
    ]
    print_table(
        ["data set", "version", "revision", "rows", "bytes"],
        rows,
        empty="no data set has a version yet; add one: towpath dataset add NAME FILE",
    )
    return 0


@app.command
def versions(name: str, /, *, common: Common = Common()) -> int:
    """List the versions of a data set, newest first."""
    with common.open() as home:
        found = home.datasets.versions(name)[::-1]
    if common.json:
        print_json(found)
        return 0
    print_table(
        ["version", "revision", "rows", "added", "files", "bytes", "digest", "at"],
        [
            (
                one.ref.version,
                one.revision,
                one.body["rows"],
                one.body["added_rows"],
                one.body["files"],
                one.body["bytes"],
                one.digest[:12],
                f"{one.created_at:%Y-%m-%d %H:%M:%S}",
            )
            for one in found
        ],
        empty=f"data set {name!r} has no version",
    )
    return 0


@app.command
def show(
    ref: str,
    /,
    *,
    rows: int = 10,
    to: Path | None = None,
    common: Common = Common(),
) -> int:
    """Show a version and its rows. Where they are about people, the reading is recorded.

    Args:
        ref: NAME@VERSION, NAME@TAG, NAME@TIME, or NAME for the latest; a branch as NAME~BRANCH.
        rows: How many rows to print; 0 for none.
        to: Write all rows to this file instead: .csv, .jsonl or .parquet.
    """
    with common.open() as home:
        version = home.history.find(ref)
        if rows or to is not None:
            asked = {"rows": rows} if to is None else {"exported": True}
            RowsAudit(home.ledger).reads(version, actor=_ACTOR, **asked)
        frame = home.datasets.scan(version.ref)
        if to is not None:
            write_rows(frame.collect(), to)
            err.print(f"wrote {to}")
            return 0
        head = frame.head(rows).collect() if rows else None
    if common.json:
        shown = [] if head is None else head.to_dicts()
        print_json({"version": version, "rows": shown})
        return 0
    facts = {key: version.body[key] for key in ("rows", "files", "bytes", "key", "time", "subject")}
    print_facts(str(version.ref), {"revision": version.revision, "digest": version.digest, **facts})
    if head is not None:
        with pl.Config(
            tbl_rows=rows, tbl_cols=-1, tbl_width_chars=out.width, tbl_hide_dataframe_shape=True
        ):
            out.print(str(head), markup=False)
    return 0
