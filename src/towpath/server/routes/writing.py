"""The decorator of the few handlers that change something, and the name that they must be given.

ADR 0024 says which, and why these: a POST to one of the paths that `access.WRITES` lists, from the same
origin, with the `Towpath-Actor` header; below `/api/v1/lineage` it only records who asked. A page elsewhere
can send neither without asking first, and is never told yes.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from litestar import post
from litestar.params import HeaderParameter

from towpath.server.access import ACTOR_HEADER
from towpath.server.problems import WRITE_RESPONSES

_BODY_BYTES_MOST: Final = 64 * 1024

Actor: TypeAlias = Annotated[
    str,
    HeaderParameter(
        name=ACTOR_HEADER,
        min_length=1,
        max_length=128,
        description="The handle under which this is recorded.",
    ),
]


def write(path: str, *, tag: str) -> post:
    """Answer POST at `path` in a worker thread, since ledger and blobs block."""
    return post(
        path,
        sync_to_thread=True,
        status_code=200,
        tags=[tag],
        responses=WRITE_RESPONSES,
        request_max_body_size=_BODY_BYTES_MOST,
    )
