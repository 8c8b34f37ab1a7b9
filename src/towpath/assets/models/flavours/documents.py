"""JSON in packages: read by a parser that only ever refuses."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from towpath.core.errors import IntegrityError

D = TypeVar("D")


def read_object(data: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        data: The file.
        what: What it should be, for the message: `the XGBoost package`.

    Raises:
        IntegrityError: It is not JSON, or another thing than an object.
    """
    return read_as(data, dict[str, Any], what)


def read_as(data: bytes, kind: type[D], what: str) -> D:
    """Read JSON of a declared shape; unknown fields are refused where the type says so.

    Raises:
        IntegrityError: It is not JSON, or not of that shape.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{what} can't be read: {error}") from error
