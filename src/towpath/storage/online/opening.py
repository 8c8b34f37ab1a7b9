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
        return _open_redis(url, namespace=namespace)
    raise InvalidSetting(
        f"the online store URL {parts.scheme or 'without scheme'}… can't be used",
        remedy="Write lmdb:///path/to/folder or redis://host:port/0.",
    )


def _open_redis(url: str, *, namespace: str) -> OnlineStore:
    """Open a store in Redis. Nothing is sent yet: who doesn't need the server goes on without it."""
    try:
        import redis  # noqa: PLC0415 -- an optional library
        import redis.asyncio  # noqa: PLC0415

        from towpath.storage.online.remote import TIMEOUT_S, RedisOnlineStore  # noqa: PLC0415
    except ImportError as error:
        raise InvalidSetting(
            "an online store in Redis needs redis-py",
            remedy="Run pip install 'towpath[redis]', or leave `online` unset.",
            key="online",
        ) from error
    try:
        limits = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
        client = redis.Redis.from_url(url, **limits)
        loop_pool = redis.asyncio.ConnectionPool.from_url(url, **limits)
    except ValueError as error:
        raise InvalidSetting(
            "the Redis URL of the online store can't be read",
            remedy="Write redis://[user:password@]host:port/0.",
            key="online",
        ) from error
    return RedisOnlineStore(client, loop_pool, namespace=namespace)
