from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from towpath.assets.code import environment_digest, environment_lock
from towpath.core.digests import digest_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_lock_names_the_interpreter_and_what_is_installed() -> None:
    lines = environment_lock().decode().splitlines()

    assert platform.python_version() in lines[0]
    assert f"polars=={version('polars')}" in lines
    assert lines[2:] == sorted(lines[2:], key=lambda line: line.partition("==")[0])
    assert environment_digest() == digest_bytes(environment_lock())


def test_what_a_package_brings_along_inside_itself_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment_lock.cache_clear()
    inside = tmp_path / "package" / "vendored"
    for folder in (inside / "hidden-1.dist-info", tmp_path / "beside" / "seen-1.dist-info"):
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: {folder.name[:-12]}\nVersion: 1\n\n")
    (tmp_path / "package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(inside)
    monkeypatch.syspath_prepend(tmp_path / "beside")

    lines = environment_lock().decode().splitlines()
    environment_lock.cache_clear()

    assert "seen==1" in lines
    assert "hidden==1" not in lines
