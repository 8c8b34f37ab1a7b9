"""`towpath monitor …`: what is watched, and what it found."""

from __future__ import annotations

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import print_json, print_table

monitor = App(name="monitor", help="What is watched, and what it found.")


@monitor.command(name="list")
def list_monitors(*, common: Common = Common()) -> int:
    """List monitors and how far they have looked."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("monitor")
    if common.json:
        print_json(found)
        return 0
    rows = [
        (one.name, one.spec["kind"], one.spec["window"], one.status.get("watermark"))
        for one in found
    ]
    print_table(["monitor", "kind", "window", "seen until"], rows, empty="nothing is watched")
    return 0


@monitor.command
def alerts(*, common: Common = Common()) -> int:
    """List alerts, newest first, with the features to blame."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("alert")[::-1]
    if common.json:
        print_json(found)
        return 0
    rows = [(one.spec["at"], one.spec["monitor"], one.spec["summary"]) for one in found]
    print_table(["at", "monitor", "what"], rows, empty="no alert")
    return 0
