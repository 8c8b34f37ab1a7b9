"""Which paths a file set keeps: relative, and harmless wherever they are written again."""

from __future__ import annotations

import re

from towpath.core.errors import UsageError

_NAME_BYTES_MOST = 255
_PATH_BYTES_MOST = 1024
_HARMFUL = re.compile(r"[\x00-\x1f\x7f\\]")
_LEADS_ASTRAY = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")


def what_is_wrong(path: str) -> str | None:
    """Say why a path can't be kept; None for one that can.

    Kept are non-empty names separated by `/` that mean the same on every system and can't lead out of
    the folder they are written to: no `..`, no backslash, no control character, nothing that is not
    UTF-8 (which Python reads as lone surrogates).
    """
    if _LEADS_ASTRAY.search(path):
        return "it has an empty name, '.' or '..' in it"
    if _HARMFUL.search(path):
        return "it has a backslash or a control character"
    return None if path.isascii() and len(path) <= _NAME_BYTES_MOST else _too_much(path)


def check_path(path: str) -> str:
    """Return a path that can be kept.

    Raises:
        UsageError: It can't. The message does not hold the path, which may name a person.
    """
    wrong = what_is_wrong(path)
    if wrong is not None:
        raise UsageError(
            f"a file's path can't be kept: {wrong}", remedy="Rename the file, and add again."
        )
    return path


def _too_much(path: str) -> str | None:
    try:
        lengths = [len(name.encode()) for name in path.split("/")]
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if max(lengths) > _NAME_BYTES_MOST:
        return f"it has a name of more than {_NAME_BYTES_MOST} bytes"
    if sum(lengths) + len(lengths) - 1 > _PATH_BYTES_MOST:
        return f"it is longer than {_PATH_BYTES_MOST} bytes"
    return None
