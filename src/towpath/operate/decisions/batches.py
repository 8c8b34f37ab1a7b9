"""The decisions that one arm made for one request, as one record: what they share is written once.

A row's share of such a record is its id, its time, its values and its answer, so recording many costs little
more than recording one. Who reads the log sees `Decision` all the same: `DecisionBatch.decisions`.
"""

from __future__ import annotations

from functools import lru_cache
from math import isnan
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from towpath.operate.decisions.records import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH_BYTES: Final = 1 << 20
"""About how large one record may get; who has more rows writes several."""

_TEXT_BYTES: Final = 64
_encode = msgspec.msgpack.Encoder().encode


class DecisionOrigin(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What all decisions of an arm have in common; the attributes are those of `Decision`.

    Attributes:
        inputs: Names of the inputs, in the model's order.
        output: Name of the output.
        wholes: Positions of the inputs that are whole numbers; in a matrix all are floats.
        truths: Positions of those that are true or false.
    """

    service: str
    release: str
    model: str
    arm: str
    rollout: str | None
    stage: int | None
    inputs: tuple[str, ...]
    output: str
    wholes: tuple[int, ...] = ()
    truths: tuple[int, ...] = ()

    def encoded(self) -> msgspec.Raw:
        """Return the bytes that go into each batch: encoded once, copied from then on."""
        return msgspec.Raw(_encode(self))

    @property
    def rows_at_most(self) -> int:
        """How many rows one batch should have."""
        return max(1, BATCH_BYTES // (8 * len(self.inputs) + _TEXT_BYTES))


class DecisionBatch(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="decisions", gc=False
):
    """Decisions of one arm, one per row; fields are stored by position, so new ones go last.

    Attributes:
        origin: A `DecisionOrigin`, encoded.
        recorded_us, latency_us, service_version: As in `Decision`, for all rows.
        ids, at_us, keys, subjects: As in `Decision`, one per row; None for nulls throughout.
        inputs: The rows as the model saw them: a matrix of little-endian float64, row by row, NaN for a
            missing value; or, where there is text among them, a list of values per column.
        outputs: The answers; None where the model failed, and `error` says how.
        kept: As in `Decision`, for all rows.
    """

    origin: msgspec.Raw
    recorded_us: int
    latency_us: int
    ids: list[str]
    at_us: list[int]
    inputs: bytes | list[list[Any]]
    outputs: list[float] | None
    keys: list[str | None] | None = None
    subjects: list[str | None] | None = None
    error: str | None = None
    service_version: str | None = None
    kept: float = 1.0

    def is_whole(self) -> bool:
        """Tell whether every part has a value for each row."""
        rows, width = len(self.ids), len(origin_of(bytes(self.origin)).inputs)
        if isinstance(self.inputs, bytes):
            fits = len(self.inputs) == 8 * rows * width
        else:
            fits = list(map(len, self.inputs)) == [rows] * width
        return (
            fits
            and len(self.at_us) == rows
            and (self.outputs is None or len(self.outputs) == rows)
            and (self.keys is None or len(self.keys) == rows)
            and (self.subjects is None or len(self.subjects) == rows)
        )

    def decisions(self) -> Iterator[Decision]:
        """Yield the decisions, row by row."""
        origin = origin_of(bytes(self.origin))
        names = origin.inputs
        if isinstance(self.inputs, bytes):
            rows = _rows(self.inputs, origin)
        else:
            rows = zip(*self.inputs, strict=True)
        for at, (decision_id, values) in enumerate(zip(self.ids, rows, strict=True)):
            yield Decision(
                decision_id=decision_id,
                at_us=self.at_us[at],
                recorded_us=self.recorded_us,
                service=origin.service,
                release=origin.release,
                model=origin.model,
                arm=origin.arm,
                rollout=origin.rollout,
                stage=origin.stage,
                key=None if self.keys is None else self.keys[at],
                subject=None if self.subjects is None else self.subjects[at],
                inputs=dict(zip(names, values, strict=True)),
                outputs={} if self.outputs is None else {origin.output: self.outputs[at]},
                status="ok" if self.error is None else "error",
                error=self.error,
                latency_us=self.latency_us,
                kept=self.kept,
                service_version=self.service_version,
            )


_origins: Final = msgspec.msgpack.Decoder(DecisionOrigin)


@lru_cache(maxsize=256)
def origin_of(encoded: bytes) -> DecisionOrigin:
    """Return an origin; the same few stand in millions of batches."""
    return _origins.decode(encoded)


def _rows(raw: bytes, origin: DecisionOrigin) -> Iterator[list[Any]]:
    """Yield a matrix's rows as plain values of their datatypes."""
    rows: list[list[Any]] = np.frombuffer(raw, "<f8").reshape(-1, len(origin.inputs)).tolist()
    for row in rows:
        for at in origin.wholes:
            row[at] = int(row[at])
        for at in origin.truths:
            row[at] = row[at] != 0.0
        yield [None if isnan(value) else value for value in row] if isnan(sum(row)) else row
