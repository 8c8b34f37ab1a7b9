"""A token is ours alone, and nobody else's file is taken for one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from towpath.build.compute.ray.authentication import make_token, require_lock, use_token
from towpath.core.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")


def test_a_fresh_token_is_long_and_private(tmp_path: Path) -> None:
    make_token(tmp_path / "one")
    make_token(tmp_path / "two")

    first, second = (tmp_path / name for name in ("one", "two"))
    assert first.stat().st_mode & 0o777 == 0o600
    assert len(first.read_text()) == 64
    assert first.read_text() != second.read_text()
    with pytest.raises(FileExistsError):
        make_token(first)


def test_ray_is_told_where_the_token_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_token(tmp_path / "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another, which would win over the file")

    use_token(tmp_path / "token", locked=True)

    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(tmp_path / "token")
    assert "RAY_AUTH_TOKEN" not in os.environ


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    make_token(tmp_path / "token")
    (tmp_path / "token").chmod(0o640)

    with pytest.raises(InvalidSetting, match="can be read by others"):
        use_token(tmp_path / "token", locked=True)


def test_a_token_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="can't be read"):
        use_token(tmp_path / "token", locked=True)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "nowhere.invalid:6379"])
def test_a_cluster_that_is_not_there_is_unavailable(address: str) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        require_lock(address, allow_unauthenticated=False)
