"""Entities as the keys of an online table.

"=" + the columns' values, each but a last text with its length, numbers big-endian with the sign
      flipped: keys of one column order as its values do
"#" + SHA-256 of the same, where it would be longer than a key may be
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from hashlib import sha256
from operator import index
from struct import Struct
from struct import error as StructError  # noqa: N812 -- it is an exception
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from towpath.core.clock import to_micros
from towpath.core.errors import InvalidRequest
from towpath.storage.online import KEY_BYTES_MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from towpath.assets.features.shape import Typed

SIGN: Final = 1 << 63
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_WHOLE, _DAY, _LENGTH = Struct(">Q"), Struct(">I"), Struct(">I")
_DAY_SIGN = 1 << 31
Missing = TypeVar("Missing", bytes, None)
_PLAIN, _HASHED = b"=", b"#"
_MISFITS = (TypeError, ValueError, OverflowError, AttributeError, StructError)


class KeyEncoder:
    """Encodes the entities of one table."""

    def __init__(self, entity: Typed) -> None:
        self._entity = entity
        last = len(entity) - 1
        self._parts = [_encoder(kind, last=at == last) for at, (_, kind) in enumerate(entity)]
        self._only = self._parts[0] if last == 0 else None

    def encode(
        self, columns: Sequence[Sequence[Any]], *, missing: Missing = None
    ) -> list[bytes | Missing]:
        """Return the key of each entity, given as one sequence of values per column.

        An entity with a missing value has the key `missing`. Values are as Python, or JSON, writes
        them: a moment may be a text in ISO 8601.

        Raises:
            InvalidRequest: A value is not of its column's type. The message does not repeat it.
        """
        if self._only is not None:
            one = self._only
            (values,) = columns
            try:
                return [missing if value is None else _key(one(value)) for value in values]
            except _MISFITS as error:
                raise self._mismatch(columns) from error
        keys: list[bytes | Missing] = []
        for values in zip(*columns, strict=True):
            if None in values:
                keys.append(missing)
                continue
            try:
                parts = [part(value) for part, value in zip(self._parts, values, strict=True)]
            except _MISFITS as error:
                raise self._mismatch(columns) from error
            keys.append(_key(b"".join(parts)))
        return keys

    def encode_frame(self, rows: pl.DataFrame) -> list[bytes | None]:
        """Return the key of each row of a frame that has the entity's columns in their types."""
        if self._only is not None:
            ((name, kind),) = self._entity
            return _column_keys(rows.get_column(name), kind)
        return self.encode([rows.get_column(name).to_list() for name, _ in self._entity])

    def _mismatch(self, columns: Sequence[Sequence[Any]]) -> InvalidRequest:
        """Say which column and row can't be."""
        for (name, kind), part, values in zip(self._entity, self._parts, columns, strict=True):
            for row, value in enumerate(values):
                try:
                    _ = None if value is None else part(value)
                except _MISFITS:
                    return InvalidRequest(
                        f"the entity column {name!r} has a value in row {row} that is no {kind}",
                        remedy=_REMEDIES.get(kind, ""),
                        column=name,
                        row=row,
                    )
        return InvalidRequest("an entity's value is not of its column's type")


_REMEDIES = {
    "string": "Send a text.",
    "int64": "Send a whole number of 64 bits.",
    "bool": "Send true or false.",
    "timestamp": "Send ISO 8601 with a zone, such as 2013-03-01T06:00:00Z.",
    "date": "Send ISO 8601, such as 2013-03-01.",
}


def _key(data: bytes) -> bytes:
    if len(data) < KEY_BYTES_MOST:
        return _PLAIN + data
    return _HASHED + sha256(data).digest()


def _encoder(kind: str, *, last: bool) -> Callable[[Any], bytes]:
    """Return what encodes one value; raises `TypeError` and its like for a value of another type."""
    match kind:
        case "string":
            return str.encode if last else _with_length
        case "int64":
            return _whole
        case "bool":
            return _truth
        case "timestamp":
            return _moment
        case _:
            return _day


def _with_length(text: str) -> bytes:
    data = str.encode(text)
    return _LENGTH.pack(len(data)) + data


def _whole(value: int) -> bytes:
    if isinstance(value, bool):
        raise TypeError
    return _WHOLE.pack(index(value) + SIGN)


def _truth(value: bool) -> bytes:
    if type(value) is not bool:
        raise TypeError
    return b"\x01" if value else b"\x00"


def _moment(value: datetime | str) -> bytes:
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return _WHOLE.pack(to_micros(when) + SIGN)


def _day(value: date | str) -> bytes:
    day = date.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(day, datetime):
        raise TypeError
    return _DAY.pack(day.toordinal() - EPOCH_DAY + _DAY_SIGN)


def _column_keys(values: pl.Series, kind: str) -> list[bytes | None]:
    """Encode a whole column at once; the same keys as value by value."""
    if kind in ("int64", "timestamp"):
        whole = values.dt.timestamp("us") if kind == "timestamp" else values
        flipped = whole.fill_null(0).to_numpy().view(np.uint64) ^ np.uint64(SIGN)
        keyed = np.empty(len(values), dtype=[("mark", "V1"), ("value", ">u8")])
        keyed["mark"], keyed["value"] = np.void(_PLAIN), flipped
        keys: list[bytes | None] = keyed.view("V9").tolist()
        if values.null_count():
            for row in values.is_null().arg_true().to_list():
                keys[row] = None
        return keys
    if kind == "string":
        return [None if one is None else _key(one.encode()) for one in values.to_list()]
    return KeyEncoder((("", kind),)).encode([values.to_list()])
