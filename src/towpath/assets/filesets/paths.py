"""Which paths a file set keeps: relative, and harmless wherever they are written again."""

from __future__ import annotations

from towpath.core.errors import UsageError

_NAME_BYTES_MOST = 255
_PATH_BYTES_MOST = 1024
_DELETE = "\x7f"


def what_is_wrong(path: str) -> str | None:
    """Say why a path can't be kept; None for one that can.

    Kept are non-empty names separated by `/` that mean the same on every system and can't lead out of
    the folder they are written to: no `..`, no backslash, no control character, nothing that is not
    UTF-8 (which Python reads as lone surrogates).
    """
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if len(encoded) > _PATH_BYTES_MOST:
        return f"it is longer than {_PATH_BYTES_MOST} bytes"
    if "\\" in path or _DELETE in path or any(letter < " " for letter in path):
        return "it has a backslash or a control character"
    for name in path.split("/"):
        if name in ("", ".", ".."):
            return "it has an empty name, '.' or '..' in it"
        if len(name) > _NAME_BYTES_MOST // 4 and len(name.encode()) > _NAME_BYTES_MOST:
            return f"it has a name of more than {_NAME_BYTES_MOST} bytes"
    return None


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
