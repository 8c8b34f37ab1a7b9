"""The environment that code runs in, written down: every installed distribution and its version."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.metadata import distributions

from towpath.core.digests import digest_bytes


@cache
def environment_lock() -> bytes:
    """Return the lock of this process: interpreter, platform, and `name==version` sorted by name.

    Read once per process: what is installed while it runs is not loaded by it.
    """
    installed = {
        (one.metadata["Name"] or "").lower().replace("_", "-"): one.version
        for one in distributions()
    }
    lines = [
        f"# {sys.implementation.name} {platform.python_version()}",
        f"# {sys.platform} {platform.machine()}",
        *(f"{name}=={version}" for name, version in sorted(installed.items()) if name),
    ]
    return "\n".join([*lines, ""]).encode()


@cache
def environment_digest() -> str:
    """Return the digest of `environment_lock()`."""
    return digest_bytes(environment_lock())
