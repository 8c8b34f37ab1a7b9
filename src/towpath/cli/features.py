"""`towpath feature …`: find features, lay views out, join them to rows as of each row's moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from cyclopts import App

from towpath.assets.datasets import Column
from towpath.assets.features import FeatureService, JoinMode, lookups_of
from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.cli.rows import read_rows, write_rows
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.ledger import Transaction, Version

app = App(name="feature", help="Feature views and services: list, build, join, materialize, get.")
_KINDS = ("feature_service", "features")
# What has to do with serving is named, not imported: it is not needed for the rest.
_ONLINE = {
    "materialize": "Bring online rows up to date; serving goes on meanwhile.",
    "get": "Look the features of entities up online, as serving does.",
    "push": "Serve observations from a file at once, before they are in the view's source.",
    "status": "Tell how fresh online rows are, and whether serving answers what training would.",
}
for _name, _help in _ONLINE.items():
    app.command(f"towpath.cli.online:{_name}", name=_name, help=_help)
app.command("towpath.cli.online:compute", name="compute", show=False)


@app.command(name="list")
def list_features(*, common: Common = Common()) -> int:
    """List feature services and views, with whom to ask about each."""
    with common.open() as home, home.ledger.read() as tx:
        found = [
            (asset, tx.versions.latest(kind, asset.name))
            for kind in _KINDS
            for asset in tx.versions.assets(kind)
        ]
    if common.json:
        print_json([{"asset": asset, "latest": latest} for asset, latest in found])
        return 0
    print_table(
        ["name", "kind", "version", "rows", "owner", "description"],
        [
            (
                asset.name,
                "service" if asset.kind == "feature_service" else "view",
                None if latest is None else latest.ref.version,
                None if latest is None else latest.body.get("rows"),
                asset.tags.get("owner"),
                asset.description,
            )
            for asset, latest in found
        ],
        empty="no feature view is declared yet; list them in the project, and run: towpath apply",
    )
    return 0


@app.command
def show(name: str, /, *, common: Common = Common()) -> int:
    """Show a feature service or view: what it holds, of which source, and who uses it.

    Args:
        name: NAME@VERSION, or NAME for the latest.
    """
    with common.open() as home, home.ledger.read() as tx:
        version = _version(tx, name)
        impact = tx.graph.impact(version.ref)
    used_by = sorted({str(edge.child) for edge in impact.edges if edge.parent == version.ref})
    if common.json:
        print_json({"version": version, "used_by": used_by})
        return 0
    print_facts(str(version.ref), _facts(version) | {"used by": used_by})
    declared = version.body.get("declared", version.body)
    print_table(
        ["feature", "type", "description"],
        [(one["name"], one["type"], one["description"]) for one in declared["features"]],
        empty="it has no feature",
    )
    return 0


@app.command
def build(*names: str, common: Common = Common()) -> int:
    """Lay views out as of their sources' latest versions, so that joins need not read these.

    Args:
        names: The views, as the project declares them; all of them when none is named.
    """
    project = common.project()
    known = {view.name: view for view in project.all_views()}
    for name in names:
        if name not in known:
            raise NotFound.named("feature view", name, known)
    built: list[Version] = []
    with common.open() as home:
        for name in names or known:
            err.print(f"laying out {name} …", markup=False)
            built.append(home.features.build(known[name], project=project.name))
    if common.json:
        print_json(built)
        return 0
    print_table(
        ["version", "of", "rows", "entities", "bytes"],
        [
            (str(one.ref), *(one.body[key] for key in ("source", "rows", "entities", "bytes")))
            for one in built
        ],
        empty=f"project {project.name!r} declares no feature view",
    )
    return 0


@app.command
def join(
    name: str,
    file: Path,
    /,
    *,
    time: str,
    mode: JoinMode = "known",
    to: Path | None = None,
    rows: int = 10,
    common: Common = Common(),
) -> int:
    """Add a service's or view's features to the rows of a file, as each was known at its moment.

    Args:
        name: The feature service or view, as the project declares it.
        file: Rows with the entity's columns: .csv, .jsonl or .parquet.
        time: The column that says when each row asks.
        mode: known: an observation counts from when it was known; event: from when it was true.
        to: Write all rows to this file: .csv, .jsonl or .parquet.
        rows: How many rows to print, where they are not written to a file.
    """
    features = common.project().features_named(name)
    wanted = [column for one in lookups_of(features) for column in one.entity]
    if isinstance(features, FeatureService):
        wanted += features.request
    asked = read_rows(file, [*wanted, Column(name=time, type="timestamp")])
    with common.open() as home:
        joined = home.features.join(asked, features, time=time, mode=mode)
    if to is not None:
        write_rows(joined, to)
        err.print(f"wrote {to}")
    elif common.json:
        print_json(joined.head(rows).to_dicts())
    else:
        with pl.Config(
            tbl_rows=rows, tbl_cols=-1, tbl_width_chars=out.width, tbl_hide_dataframe_shape=True
        ):
            out.print(str(joined.head(rows)), markup=False)
    return 0


def _version(tx: Transaction, name: str) -> Version:
    """Return a service's version or, where there is no such service, a view's."""
    text = name if ":" in name else f"{_KINDS[0]}:{name}"
    found = tx.versions.find(Ref.parse(text))
    return tx.versions.get(Ref.parse(name, _KINDS[1])) if found is None else found


def _facts(version: Version) -> dict[str, Any]:
    body = version.body
    if version.ref.kind == "feature_service":
        return {
            "owner": body["owner"],
            "description": body["description"],
            "looked up by": [one["name"] for one in body["entity"]],
            "sent along": [one["name"] for one in body["request"]],
            "views": [f"{one['view']} by {' and '.join(one['by'])}" for one in body["lookups"]],
            "on demand": [one["path"] for one in body["on_demand"]],
        }
    declared = body["declared"]
    ttl = declared["ttl_s"]
    return {
        "owner": declared["owner"],
        "description": declared["description"],
        "entity": [one["name"] for one in declared["entity"]],
        "time": declared["time"],
        "known from": declared["created"],
        "ttl": "for ever" if ttl is None else f"{ttl:g} s",
        "source": body["source"],
        "revision": version.revision,
        "rows": body["rows"],
        "entities": body["entities"],
        "bytes": body["bytes"],
        "made by": version.made_by,
    }
