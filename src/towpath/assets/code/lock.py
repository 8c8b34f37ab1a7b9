"""The environment that code runs in, written down: every installed distribution and its version."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.core.digests import digest_bytes

if TYPE_CHECKING:
    from importlib.metadata import Distribution


@cache
def environment_lock() -> bytes:
    """Return the lock of this process: interpreter, platform, and `name==version` sorted by name.

    Read once per process: what is installed while it runs is not loaded by it.
    """
    # What a package brings along inside itself, and puts on the path as it is imported, is part of it:
    # the lock must be the same before and after.
    paths = [
        path for path in sys.path if not (Path(path).resolve().parent / "__init__.py").exists()
    ]
    found = [_name_and_version(one) for one in distributions(path=paths)]
    installed = dict(reversed(found))  # of two, the first on the path is the one that is imported
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


def _name_and_version(one: Distribution) -> tuple[str, str]:
    """Read the two fields that are wanted; the whole of it is mostly a description, and ten times slower.

    Metadata are written as headers of a mail (core metadata specification), ended by an empty line.
    """
    fields = {"name": "", "version": ""}
    text = one.read_text("METADATA") or one.read_text("PKG-INFO") or ""
    for line in text.splitlines():
        if not line:
            break
        key, _, value = line.partition(":")
        if key.lower() in fields:
            fields[key.lower()] = value.strip()
    return fields["name"].lower().replace("_", "-"), fields["version"]
