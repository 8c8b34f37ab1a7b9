"""Whoever switches may be killed at any write: the route is the old one or the new one, and whole."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from towpath.core.contracts import Contract
from towpath.ledger import open_ledger
from towpath.operate.releases import LedgerReleases, Pins
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Environment
    from towpath.ledger import Ledger, Transaction
    from towpath.storage.keys import FileKeyring

ENV = "production"
WEB = "checkout-web@2.4.1"
WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT")


def killed_at(
    url: str, keyring: FileKeyring, moment: int, act: Callable[[Transaction], Any]
) -> bool:
    """Act in a process of its own that kills itself before a write, or before it commits.

    Returns:
        Whether it got that far; False when it was done before.
    """
    pid = os.fork()
    if pid == 0:
        try:
            left = moment

            def touch(*told: Any) -> None:
                nonlocal left
                statement = told[2] if len(told) > 1 else "COMMIT"
                if statement.lstrip().upper().startswith(WRITES):
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            ledger = open_ledger(open_database(url), keyring)
            event.listen(Engine, "before_cursor_execute", touch)
            event.listen(Engine, "commit", touch)
            with ledger.write(actor="test") as tx:
                act(tx)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def state(ledger: Ledger) -> tuple[Any, ...]:
    """Return all that a switch changes."""
    with ledger.read() as tx:
        row = tx.intents.find("route", ENV)
        releases = [(str(one.ref), one.digest) for one in tx.versions.list("release")]
        told = [one.seq for one in tx.events.read(types=["route.changed"], limit=None)]
        lines = tx.intents.find("release_lines", ENV)
    route = None if row is None else (row.generation, msgspec.json.encode(row.spec))
    return route, releases, told, None if lines is None else lines.spec


@pytest.mark.parametrize("what", ["in force", "beside", "back"])
def test_killed_at_every_write(
    environment: Environment, database_url: str, keyring: FileKeyring, what: str
):
    column = {"name": "distance", "datatype": "FP64", "shape": [-1], "nullable": False}
    models = [environment.model("late", column) for _ in range(2)]
    said = environment.program(WEB, Contract("delay-board", inputs={"distance": float}))
    environment.put({"delay-board": models[0]}, said)
    if what == "back":
        environment.put({"delay-board": models[1]}, said)

    def act(tx: Transaction) -> None:
        releases = LedgerReleases()
        pins = Pins(models={"delay-board": models[1]}, service_versions=frozenset({said}))
        if what == "back":
            releases.restore(tx, ENV, 1, reason="test")
        elif what == "beside":
            releases.put_beside(tx, ENV, pins, reason="test")
        else:
            releases.put_in_force(tx, ENV, pins, reason="test")

    before = state(environment.ledger)
    moment = 1
    while killed_at(database_url, keyring, moment, act):
        assert state(environment.ledger) == before, f"a mixture after write {moment}"
        moment += 1
    after = state(environment.ledger)
    assert moment > 5
    assert after != before
    route = environment.route()
    answering = route.line_of(WEB) or route
    wanted = models[0] if what == "back" else models[1]
    assert answering.services["delay-board"].champion.model == str(wanted)
