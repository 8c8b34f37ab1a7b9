"""A server on a real socket, in a thread of the test's own process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from towpath.app.listening import open_listener
from towpath.server import Access, Running, Services, create_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def served(services: Services, access: Access | None = None) -> Iterator[str]:
    """Answer requests until the block ends; gives the base URL."""
    ready = threading.Event()
    running = Running(
        create_server(services, access or Access()),
        open_listener("127.0.0.1", 0),
        on_ready=lambda _: ready.set(),
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(timeout=30)
        yield running.url
    finally:
        running.stop()
        thread.join(timeout=15)
        assert not thread.is_alive()
