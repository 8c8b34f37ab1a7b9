"""Feature rows as the values of an online table: packed column by column, unpacked row by row.

A value is, big-endian throughout,

    stamp    event time and created, 8 bytes each, microseconds with the sign flipped: they order rows;
             created is 0 where it is missing
    tag      16 bytes, where the source has a subject: whose row was pushed; zeros for any other
    nulls    one bit per feature, the first feature lowest in the first byte
    cells    float64, int64, timestamp (µs), date (days), bool by width; for texts and bytes the length
    tail     the texts and bytes, one after the other
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import polars as pl

from towpath.assets.features.online.keys import EPOCH_DAY, SIGN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from towpath.assets.features.online.table import OnlineTable

TAG_BYTES: Final = 16
NO_TAG: Final = bytes(TAG_BYTES)
_STAMP_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Type to its cell's code, for struct and for NumPy.
_CELLS = {
    "float64": ("d", ">f8"),
    "int64": ("q", ">i8"),
    "timestamp": ("q", ">i8"),
    "date": ("i", ">i4"),
    "bool": ("?", "?"),
    "string": ("I", ">u4"),
    "binary": ("I", ">u4"),
}
_IN_TAIL = ("string", "binary")

Columns: TypeAlias = "list[list[Any]]"


class RowCodec:
    """Packs and unpacks the rows of one table. Immutable, thread-safe."""

    def __init__(self, table: OnlineTable) -> None:
        self._time = table.declared.time
        self._created = table.declared.created
        self._features = table.features
        self._kinds = [kind for _, kind in self._features]
        self._tagged = table.declared.subject_field is not None
        null_bytes = (len(self._kinds) + 7) // 8
        cells = [_CELLS[kind] for kind in self._kinds]
        tag = f"{TAG_BYTES}s" if self._tagged else ""
        self._struct = Struct(f">QQ{tag}{null_bytes}s{''.join(code for code, _ in cells)}")
        fields: list[Any] = [("time", ">u8"), ("created", ">u8")]
        if self._tagged:
            fields.append(("tag", f"V{TAG_BYTES}"))
        fields.append(("nulls", "u1", (null_bytes,)))
        fields += [(f"f{at}", code) for at, (_, code) in enumerate(cells)]
        self._dtype = np.dtype(fields)
        self._first = 4 if self._tagged else 3
        self._tails = [at for at, kind in enumerate(self._kinds) if kind in _IN_TAIL]
        self._made = [_MAKERS.get(kind) for kind in self._kinds]
        self._makers = [(at, make) for at, make in enumerate(self._made) if make is not None]
        self._plain = not self._tails and not self._makers
        self._no_nulls = bytes(null_bytes)

    def pack(self, rows: pl.DataFrame, tags: Sequence[bytes] | None = None) -> list[bytes]:
        """Return the value of each row of a frame with the source's columns, in their types.

        Args:
            rows: The rows; their time must not be missing.
            tags: Whose each row is, `TAG_BYTES` bytes; for rows that are pushed.
        """
        packed = np.zeros(rows.height, dtype=self._dtype)
        packed["time"] = _flipped(rows.get_column(self._time))
        if self._created is not None:
            made = rows.get_column(self._created)
            known = made.is_not_null().to_numpy()
            packed["created"] = np.where(known, _flipped(made), 0)
        if tags is not None and self._tagged:
            packed["tag"] = np.frombuffer(b"".join(tags), dtype=f"V{TAG_BYTES}")
        tails: list[list[bytes | None]] = []
        for at, (name, kind) in enumerate(self._features):
            values = rows.get_column(name)
            if values.null_count():
                missing = values.is_null().to_numpy()
                packed["nulls"][:, at // 8] |= missing.astype(np.uint8) << (at % 8)
            if kind in _IN_TAIL:
                data = values.cast(pl.Binary)
                packed[f"f{at}"] = data.bin.size().fill_null(0).to_numpy()
                tails.append(data.to_list())
            else:
                packed[f"f{at}"] = _numbers(values, kind)
        fixed: list[bytes] = packed.view(f"V{self._dtype.itemsize}").tolist()
        if not tails:
            return fixed
        return [
            b"".join((head, *(part for part in parts if part is not None)))
            for head, *parts in zip(fixed, *tails, strict=True)
        ]

    def time_us(self, value: bytes) -> int:
        """Return when a row was true."""
        return int.from_bytes(value[:8]) - SIGN

    def created_us(self, value: bytes) -> int | None:
        """Return when a row became known; None where it does not say."""
        created = int.from_bytes(value[8:_STAMP_BYTES])
        return created - SIGN if created else None

    def tag(self, value: bytes) -> bytes:
        """Return whose row was pushed; zeros where nobody said so."""
        if not self._tagged:
            return NO_TAG
        return value[_STAMP_BYTES : _STAMP_BYTES + TAG_BYTES]

    def unpack(self, value: bytes) -> tuple[int, Sequence[Any]]:
        """Return when one row was true, in microseconds, and its features."""
        cells = self._struct.unpack_from(value)
        time_us, nulls = cells[0] - SIGN, cells[self._first - 1]
        if self._plain and nulls == self._no_nulls:
            return time_us, cells[self._first :]
        found = list(cells[self._first :])
        if self._tails:
            self._fill_tails(value, found)
        for at, make in self._makers:
            found[at] = make(found[at])
        if nulls != self._no_nulls:
            bits = int.from_bytes(nulls, "little")
            for at in range(len(found)):
                if bits >> at & 1:
                    found[at] = None
        return time_us, found

    def unpack_all(
        self, values: Sequence[bytes | None], wanted: Sequence[int]
    ) -> tuple[list[int], Columns]:
        """Return the times of many rows, and the wanted features, column by column.

        A row that is missing has time 0 and missing features.
        """
        width = self._dtype.itemsize
        blank = bytes(width)
        if self._tails:
            heads = [blank if value is None else value[:width] for value in values]
        else:
            heads = [blank if value is None else value for value in values]
        packed = np.frombuffer(b"".join(heads), dtype=self._dtype)
        there = np.array([value is not None for value in values], dtype=bool)
        gaps = not there.all()
        nulls = packed["nulls"] if packed["nulls"].any() else None
        times = (packed["time"].astype(np.uint64) ^ np.uint64(SIGN)).view(np.int64)
        if gaps:
            times = np.where(there, times, 0)
        tails = self._all_tails(values, packed) if self._tails else {}
        columns: Columns = []
        for at in wanted:
            make = self._made[at]
            column: list[Any] = tails[at] if at in tails else packed[f"f{at}"].tolist()
            if make is not None:
                column = [make(cell) for cell in column]
            if gaps or (nulls is not None and nulls[:, at // 8].any()):
                bits = packed["nulls"][:, at // 8] >> (at % 8) & 1
                for row in np.flatnonzero(bits.astype(bool) | ~there).tolist():
                    column[row] = None
            columns.append(column)
        return times.tolist(), columns

    def _fill_tails(self, value: bytes, found: list[Any]) -> None:
        """Replace the lengths of texts and bytes by what they are the lengths of."""
        start = self._dtype.itemsize
        for at in self._tails:
            end = start + found[at]
            found[at] = value[start:end]
            start = end

    def _all_tails(
        self, values: Sequence[bytes | None], packed: NDArray[Any]
    ) -> dict[int, list[Any]]:
        lengths = np.stack([packed[f"f{at}"] for at in self._tails], axis=1).astype(np.int64)
        ends = (lengths.cumsum(axis=1) + self._dtype.itemsize).tolist()
        columns: list[list[bytes]] = [[] for _ in self._tails]
        for value, row_ends in zip(values, ends, strict=True):
            start = self._dtype.itemsize
            for column, end in zip(columns, row_ends, strict=True):
                column.append(b"" if value is None else value[start:end])
                start = end
        return dict(zip(self._tails, columns, strict=True))


def _flipped(times: pl.Series) -> NDArray[np.uint64]:
    """Return times as microseconds whose unsigned bytes order as they do."""
    whole = times.dt.timestamp("us").fill_null(0).to_numpy()
    return whole.view(np.uint64) ^ np.uint64(SIGN)


def _numbers(values: pl.Series, kind: str) -> NDArray[Any]:
    if kind == "timestamp":
        values = values.dt.timestamp("us")
    elif kind == "date":
        values = values.cast(pl.Int32)
    return values.fill_null(value=False if kind == "bool" else 0).to_numpy()


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _day(days: int) -> date:
    return date.fromordinal(days + EPOCH_DAY)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "timestamp": _moment,
    "date": _day,
    "string": bytes.decode,
}
