"""The decorator of every handler that answers from the ledger."""

from __future__ import annotations

from litestar import get

from towpath.server.problems import PROBLEM_RESPONSES


def read(path: str, *, tag: str) -> get:
    """Answer GET at `path` in a worker thread, since ledger and blobs block."""
    return get(path, sync_to_thread=True, tags=[tag], responses=PROBLEM_RESPONSES)
