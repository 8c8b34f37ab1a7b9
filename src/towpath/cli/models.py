"""`towpath model …`: what was made, how it was judged, and whether it is what was signed."""

from __future__ import annotations

import msgspec
from cyclopts import App

from towpath.assets.models import Member, family_of
from towpath.cli.options import Common
from towpath.cli.printing import out, print_facts, print_json, print_table
from towpath.core.refs import Ref
from towpath.ledger import Version

app = App(name="model", help="Model versions: list, show, report, card, verify.")


@app.command(name="list")
def list_models(name: str | None = None, /, *, common: Common = Common()) -> int:
    """List model versions, newest first."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.versions.list("model", name)
    if common.json:
        print_json(found)
        return 0
    print_table(
        ["model", "state", "verdict", "metrics", "data sets", "made"],
        [
            (
                one.ref,
                one.state,
                one.body.get("verdict"),
                _judged_by(one),
                ", ".join(one.body.get("datasets", [])),
                f"{one.created_at:%Y-%m-%d %H:%M:%S}",
            )
            for one in found
        ],
        empty="no model yet; make one: towpath run",
    )
    return 0


def _judged_by(version: Version) -> str:
    """Return the metrics that its gates asked for; all of them are in `model show`."""
    metrics: dict[str, float] = version.body.get("metrics", {})
    asked = [gate["gate"].partition(":")[2] for gate in version.body.get("gates", ())]
    return ", ".join(f"{one} {metrics[one]:.4g}" for one in dict.fromkeys(asked) if one in metrics)


@app.command
def show(ref: str, /, *, common: Common = Common()) -> int:
    """Show a model version with the verdict of each gate. NAME@VERSION, or NAME for the latest."""
    with common.open() as home, home.ledger.read() as tx:
        version = tx.versions.get(Ref.parse(ref, "model"))
        family = family_of(tx, version)
    if common.json:
        print_json(
            {
                **msgspec.to_builtins(version),
                "family": [{"ref": str(one.version.ref), "depth": one.depth} for one in family],
            }
        )
        return 0
    body = version.body
    told = (
        "flavour",
        "task",
        "execution",
        "metrics",
        "pipeline",
        "params",
        "code",
        "datasets",
        "champion",
        "parent",
        "run",
    )
    print_facts(str(version.ref), {"state": version.state, **{key: body.get(key) for key in told}})
    print_table(
        ["gate", "verdict", "why"],
        [(gate["gate"], gate["verdict"], gate["summary"]) for gate in body.get("gates", [])],
        empty="no gate has judged it",
    )
    if len(family) > 1:
        print_table(
            ["family", "state", "data sets", "made"],
            [_member(one, version) for one in family],
            empty="",
        )
    return 0


def _member(member: Member, shown: Version) -> tuple[object, ...]:
    """Return one line of a family, children below their parents and further in."""
    one = member.version
    here = " (this one)" if one.ref == shown.ref else ""
    return (
        f"{'  ' * member.depth}{one.ref}{here}",
        one.state,
        ", ".join(one.body.get("datasets", [])),
        f"{one.created_at:%Y-%m-%d %H:%M:%S}",
    )


@app.command
def report(ref: str, /, *, common: Common = Common()) -> int:
    """Print the gates' report on a model version, as Markdown."""
    with common.open() as home:
        with home.ledger.read() as tx:
            version = tx.versions.get(Ref.parse(ref, "model"))
        text = home.blobs.get(version.body["report"]).decode()
    if common.json:
        print_json({"model": str(version.ref), "report": text})
    else:
        out.print(text, markup=False)
    return 0


@app.command
def card(ref: str, /, *, common: Common = Common()) -> int:
    """Print the model card that the ledger writes for a version, as Markdown."""
    with common.open() as home:
        text = home.models.card(Ref.parse(ref, "model"))
    if common.json:
        print_json({"model": ref, "card": text})
    else:
        out.print(text, markup=False)
    return 0


@app.command
def verify(ref: str, /, *, common: Common = Common()) -> int:
    """Check a version's bytes against its digests and its signature."""
    with common.open() as home:
        wanted = Ref.parse(ref, "model")
        home.models.verify(wanted)
    if common.json:
        print_json({"model": ref, "valid": True})
    else:
        out.print(f"{wanted}: bytes and signature are what was registered", highlight=False)
    return 0
