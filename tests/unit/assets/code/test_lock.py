from __future__ import annotations

import platform
from importlib.metadata import version

from towpath.assets.code import environment_digest, environment_lock
from towpath.core.digests import digest_bytes


def test_the_lock_names_the_interpreter_and_what_is_installed() -> None:
    lines = environment_lock().decode().splitlines()

    assert platform.python_version() in lines[0]
    assert f"polars=={version('polars')}" in lines
    assert lines[2:] == sorted(lines[2:], key=lambda line: line.partition("==")[0])
    assert environment_digest() == digest_bytes(environment_lock())
