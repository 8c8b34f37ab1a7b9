"""`towpath dataset …`: commit files as versions, list versions, read the rows of any of them."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.refs import Ref
from towpath.trace.audit import RowsAudit

_ACTOR = "cli"

app = App(name="dataset", help="Versions of tables: add, ingest, list, show, read.")
# Named, not imported: listing versions must not cost what reading sources and comparing rows do.
_ELSEWHERE = {
    "add": (
        "ingests",
        "Read rows from files, an address or a database, and commit them as the next version.",
    ),
    "ingest": (
        "ingests",
        "Read declared sources into their data sets: what came since the last time, or everything.",
    ),
    "delete-rows": (
        "changes",
        "Make a version without the rows whose keys CSV, JSON-lines or Parquet files list.",
    ),
    "compact": (
        "changes",
        "Lay the latest rows out for reading: merge overlays and small files into a new version.",
    ),
    "check": ("checks", "Judge rows by a data set's rules, without storing any."),
    "quarantine": ("checks", "Show why rows of a data set are in quarantine."),
    "split": (
        "splits",
        "Part a version, and commit each part as a version of a data set NAME.PART.",
    ),
    "profile": (
        "profiles",
        "Show how a version's values are spread: missing ones, outliers, repeats, what goes together.",
    ),
    "log": ("history", "List what became of a data set, newest version first."),
    "diff": (
        "history",
        "Compare two versions: columns, rows by key, and how far distributions have moved.",
    ),
    "tag": ("history", "Point a tag at a version, or list the tags of a data set."),
    "branch": ("history", "Begin a branch at a version, or list the branches of a data set."),
    "adopt": (
        "history",
        "Make the head of a branch the data set's next version, if nobody committed to it since.",
    ),
    "drop": (
        "history",
        "End a branch. Its versions can be read until a collection finds that nothing uses them.",
    ),
    "restore": ("history", "Make the content of an earlier version the newest version."),
    "gc": (
        "retention",
        "Delete old versions that nothing uses, and the bytes that only they needed.",
    ),
    "publish": (
        "retention",
        "Publish a data set to an Iceberg catalog, for other engines to read in place.",
    ),
}
for _name, (_module, _help) in _ELSEWHERE.items():
    _place = f"towpath.cli.{_module}:{_name.replace('-', '_')}"
    app.command(_place, name=_name, help=_help)


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
            from towpath.cli.rows import write_rows

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
        import polars as pl

        with pl.Config(
            tbl_rows=rows, tbl_cols=-1, tbl_width_chars=out.width, tbl_hide_dataframe_shape=True
        ):
            out.print(str(head), markup=False)
    return 0
