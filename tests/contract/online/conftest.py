"""An online store on every backend: LMDB in a folder, and a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from towpath.storage.online import open_online

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.storage.online import OnlineStore


@pytest.fixture(params=["lmdb", pytest.param("redis", marks=pytest.mark.redis)])
def online_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return request.getfixturevalue("redis_url")
    return f"lmdb://{tmp_path}/online"


@pytest.fixture
def online(online_url: str) -> Iterator[OnlineStore]:
    store = open_online(online_url)
    yield store
    store.close()


@pytest.fixture
def another(online_url: str) -> Iterator[OnlineStore]:
    """The same store, opened once more."""
    store = open_online(online_url)
    yield store
    store.close()
