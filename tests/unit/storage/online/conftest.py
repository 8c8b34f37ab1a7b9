"""A Redis of a test's own, which it may kill, and a port for it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from redis_process import RedisProcess

from towpath.storage.online import open_online

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.storage.online import OnlineStore


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def store(port: int) -> Iterator[OnlineStore]:
    """A store whose server does not run yet."""
    store = open_online(f"redis://127.0.0.1:{port}/0")
    yield store
    store.close()


@pytest.fixture
def server(port: int, tmp_path: Path, redis_server: str) -> Iterator[RedisProcess]:
    del redis_server  # whoever has one has the program
    server = RedisProcess(port, tmp_path)
    yield server
    server.kill()
