"""`towpath webhook …`: who is told what happens here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.clock import SystemClock
from towpath.operate.webhooks.testing import send_test

if TYPE_CHECKING:
    from towpath.ledger import Intent
    from towpath.ledger.contract import Transaction

app = App(name="webhook", help="Who is told what happens: programs, and people by e-mail and chat.")

_KINDS = ("webhook", "channel")
_TAKEN = range(200, 300)


@app.command(name="list")
def list_webhooks(*, common: Common = Common()) -> int:
    """List webhooks and channels by name, and how far each has been told."""
    with common.open() as home, home.ledger.read() as tx:
        found = [row for kind in _KINDS for row in tx.intents.list(kind)]
    found.sort(key=lambda row: row.name)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            row.name,
            row.spec.get("channel", "webhook"),
            row.phase,
            row.status.get("sent"),
            row.status.get("failures"),
            row.status.get("error"),
        )
        for row in found
    ]
    columns = ["name", "by", "state", "sent", "failures", "error"]
    print_table(columns, rows, empty="no project declares a webhook or channel")
    return 0


@app.command(name="show")
def show_webhook(name: str, /, *, common: Common = Common()) -> int:
    """Show what a webhook or channel declares, and what it sent last.

    Args:
        name: PROJECT.NAME
    """
    with common.open() as home, home.ledger.read() as tx:
        row = _row(tx, name)
    if common.json:
        print_json(row)
        return 0
    left_out = ("project", "environment", "name")
    facts = {key: value for key, value in row.spec.items() if key not in left_out and value}
    stands = ("sent", "refused", "told", "failures", "error")
    facts |= {key: row.status[key] for key in stands if row.status.get(key) is not None}
    print_facts(name, {**facts, "state": row.phase})
    lately: list[dict[str, Any]] = row.status.get("lately", [])
    columns = (
        ["at", "title", "events"] if row.kind == "channel" else ["at", "type", "subject", "code"]
    )
    table = [[one.get(column) for column in columns] for one in reversed(lately)]
    print_table(columns, table, empty="nothing was sent yet")
    return 0


@app.command(name="test")
def try_webhook(name: str, /, *, common: Common = Common()) -> int:
    """Send one event of the type towpath.test now, from here, and say how it was answered.

    Its secrets are taken from the environment of this command, not of the worker.

    Args:
        name: PROJECT.NAME
    """
    with common.open() as home:
        with home.ledger.read() as tx:
            row = _row(tx, name)
        code = send_test(row, log=home.keyring.origin, environ=os.environ, at=SystemClock().now())
    taken = code is None or code in _TAKEN
    if common.json:
        print_json({"webhook": name, "code": code, "taken": taken})
    elif taken:
        out.print(f"{name} took it" + ("" if code is None else f" ({code})"), highlight=False)
    else:
        err.print(f"{name} refused it with status {code}")
    return 0 if taken else 1


@app.command(name="resume")
def resume_webhook(name: str, /, *, common: Common = Common()) -> int:
    """Try again now: one that is failing, or that the other side said is gone.

    Args:
        name: PROJECT.NAME
    """
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        row = _row(tx, name)
        tx.intents.wake(row.kind, row.name)
    if common.json:
        print_json({"webhook": name, "resumed": True})
    else:
        out.print(f"a worker tries it again: towpath webhook show {name}", highlight=False)
    return 0


def _row(tx: Transaction, name: str) -> Intent:
    return tx.intents.find("channel", name) or tx.intents.get("webhook", name)
