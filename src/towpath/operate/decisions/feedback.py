"""Takes in what customers did: the checks that every way in makes, and the way for scripts and jobs."""

from __future__ import annotations

import math
import re
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from towpath.core.clock import as_utc, parse_time, to_micros
from towpath.core.errors import InvalidName, InvalidRequest
from towpath.core.refs import check_name
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.frames import encode_frame
from towpath.operate.decisions.records import Signal
from towpath.operate.decisions.writer import SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from towpath.core.clock import Clock

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_FIELDS: Final = ("name", "value", "decision_id", "service", "key", "at")
_FLUSH_ROWS: Final = 10_000


class Feedback:
    """Records signals durably from a script, a batch job or the command line.

    Args:
        directory: The folder of raw segments of this machine.
        clock: Event time, for signals that don't say when they happened.
        source: Who says so, for instance `import:refunds.csv`.
    """

    def __init__(self, directory: Path, clock: Clock, *, source: str | None = None) -> None:
        self._directory = directory
        self._clock = clock
        self._source = source

    def signal(
        self,
        name: str,
        value: float,
        *,
        decision_id: str | None = None,
        service: str | None = None,
        key: str | None = None,
        at: datetime | str | None = None,
    ) -> None:
        """Record one signal: of the decision with this id, or of the last one of `service` with `key`.

        Raises:
            InvalidRequest: It names no decision, or has no plain name, value or time.
        """
        row = {"name": name, "value": value, "decision_id": decision_id}
        self.signals([{**row, "service": service, "key": key, "at": at}])

    def signals(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Record many, with the fields that `signal` takes; return how many.

        All of them are checked first, so none is recorded where one is wrong. Recording a row again
        changes nothing.

        Raises:
            InvalidRequest: One is not as it should be; says which.
        """
        recorded_us = time.time_ns() // 1000
        now_us = to_micros(self._clock.now())
        given = [self._read(row, index, now_us, recorded_us) for index, row in enumerate(rows)]
        with closing(SegmentWriter(SegmentDirectory(self._directory))) as writer:
            for start in range(0, len(given), _FLUSH_ROWS):
                frames = b"".join(map(encode_frame, given[start : start + _FLUSH_ROWS]))
                writer.append(frames).result()
        return len(given)

    def _read(self, row: Mapping[str, Any], index: int, now_us: int, recorded_us: int) -> Signal:
        if unknown := sorted(set(row) - set(_FIELDS)):
            raise InvalidRequest(
                f"signal {index} has a field {unknown[0]!r}",
                remedy=f"A signal has: {', '.join(_FIELDS)}.",
                row=index,
            )
        at = row.get("at")
        try:
            at_us = now_us if at is None else to_micros(_moment(at))
        except InvalidName as error:
            raise InvalidRequest(f"the time of signal {index} is none", row=index) from error
        return checked_signal(
            index,
            name=row.get("name"),
            value=row.get("value"),
            decision_id=row.get("decision_id"),
            service=row.get("service"),
            key=row.get("key"),
            at_us=at_us,
            recorded_us=recorded_us,
            source=self._source,
        )


def _moment(at: datetime | str) -> datetime:
    return parse_time(at) if isinstance(at, str) else as_utc(at)


def checked_signal(
    index: int,
    *,
    name: object,
    value: object,
    decision_id: str | None,
    service: str | None,
    key: str | None,
    at_us: int,
    recorded_us: int,
    source: str | None = None,
) -> Signal:
    """Return the signal that somebody reports, if it is one; `index` says which of theirs it is.

    Raises:
        InvalidName: A service's name is none.
        InvalidRequest: It names no decision, or two; its name is not plain; its value not finite.
    """
    what = f"signal {index}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{what} has no plain name",
            remedy="Use 1 to 64 letters, digits and underscores, a letter first.",
            row=index,
        )
    by_key = service is not None and key is not None
    if by_key == (decision_id is not None) or (service is None) != (key is None):
        raise InvalidRequest(
            f"{what} must name its decision by decision_id, or by service and key", row=index
        )
    if service is not None:
        check_name(service, "service name")
    return Signal(
        decision_id=None if decision_id is None else plain_id(decision_id, what, index),
        name=name,
        value=finite(value, what, index),
        at_us=at_us,
        recorded_us=recorded_us,
        source=source,
        service=service,
        key=key,
    )


def finite(value: object, what: str, index: int) -> float:
    """Return a value as a number.

    Raises:
        InvalidRequest: It is none, or not finite.
    """
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise InvalidRequest(f"the value of {what} is not a finite number", row=index)


def plain_id(text: str, what: str, index: int) -> str:
    """Return a decision's id in the form in which it was answered.

    Raises:
        InvalidRequest: It is no UUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise InvalidRequest(
            f"{what} names no decision",
            remedy="Send the decision_id of the answer's parameters.",
            row=index,
        ) from error
