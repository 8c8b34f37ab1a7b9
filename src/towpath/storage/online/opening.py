"""Chooses the online store that a URL names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from towpath.core.errors import InvalidSetting

if TYPE_CHECKING:
    from towpath.storage.online.contract import OnlineStore

_REDIS = ("redis", "rediss", "unix")


def open_online(url: str, *, namespace: str = "towpath") -> OnlineStore:
    """Open the online store at `lmdb:///FOLDER` or `redis://HOST:PORT/DB`.

    Args:
        url: Where the rows are. `rediss://` speaks TLS, `unix:///SOCKET` a local socket; user, password
            and options are written as for redis-py.
        namespace: Keeps homes that share a Redis apart; a folder is one home's own.

    Raises:
        InvalidSetting: The URL names no store that we know, or the library for it is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "lmdb" and not parts.netloc and parts.path.startswith("/"):
        from towpath.storage.online.embedded import LmdbOnlineStore  # noqa: PLC0415 -- as below

        return LmdbOnlineStore(Path(unquote(parts.path)))
    if parts.scheme in _REDIS:
        from towpath.storage.online.remote import open_redis  # noqa: PLC0415 -- optional library

        return open_redis(url, namespace=namespace)
    raise InvalidSetting(
        f"the online store URL {parts.scheme or 'without scheme'}… can't be used",
        remedy="Write lmdb:///path/to/folder or redis://host:port/0.",
    )
