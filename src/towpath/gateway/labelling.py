"""Takes in what turned out to be true, and what customers did."""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from typing import TYPE_CHECKING, Final

from towpath.core.errors import InvalidRequest
from towpath.core.refs import check_name
from towpath.operate.decisions import Label, Signal

if TYPE_CHECKING:
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.moments import Moments
    from towpath.gateway.protocol import GivenSignal, LabelsRequest, SignalsRequest
    from towpath.gateway.recording import Recorder

MAX_LABELS: Final = 10_000
"""Labels, or signals, that one request may carry."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Labelling:
    """Records labels and signals durably, as they come: late, out of order, or twice.

    Whether their decisions are known is found out when they are read.
    """

    def __init__(self, recorder: Recorder, moments: Moments, metrics: GatewayMetrics) -> None:
        self._recorder = recorder
        self._moments = moments
        self._metrics = metrics

    async def take(self, request: LabelsRequest) -> int:
        """Record all labels of a request, or none; return how many.

        Raises:
            InvalidRequest: An id is no UUID, a value is not finite, a time is none, or there are too
                many.
            InfrastructureError: They could not be made durable.
        """
        given = request.labels
        _check_count(len(given), "labels")
        recorded_us = time.time_ns() // 1000
        labels: list[Label] = []
        for index, label in enumerate(given):
            what = f"label {index}"
            labels.append(
                Label(
                    decision_id=_decision_id(label.decision_id, what, index),
                    value=_finite(label.value, what, index),
                    at_us=self._moments.of_label(label.time),
                    recorded_us=recorded_us,
                )
            )
        await asyncio.shield(self._recorder.append(labels, durable=True))
        self._metrics.labelled(len(labels))
        return len(labels)

    async def take_signals(self, request: SignalsRequest) -> int:
        """Record all signals of a request, or none; return how many.

        Raises:
            InvalidName: A service's name is none.
            InvalidRequest: One names no decision, or has no plain name; a value is not finite, a time
                is none, or there are too many.
            InfrastructureError: They could not be made durable.
        """
        given = request.signals
        _check_count(len(given), "signals")
        recorded_us = time.time_ns() // 1000
        signals = [self._signal(one, index, recorded_us) for index, one in enumerate(given)]
        await asyncio.shield(self._recorder.append(signals, durable=True))
        self._metrics.signalled(len(signals))
        return len(signals)

    def _signal(self, given: GivenSignal, index: int, recorded_us: int) -> Signal:
        what = f"signal {index}"
        if not _NAME.fullmatch(given.name):
            raise InvalidRequest(
                f"{what} has no plain name",
                remedy="Use 1 to 64 letters, digits and underscores, a letter first.",
                row=index,
            )
        decision_id = None
        if given.decision_id is not None:
            decision_id = _decision_id(given.decision_id, what, index)
        named = given.service is not None and given.key is not None
        if named == (decision_id is not None) or (given.service is None) != (given.key is None):
            raise InvalidRequest(
                f"{what} must name its decision by decision_id, or by service and key", row=index
            )
        if given.service is not None:
            check_name(given.service, "service name")
        return Signal(
            decision_id=decision_id,
            name=given.name,
            value=_finite(given.value, what, index),
            at_us=self._moments.of_label(given.time),
            recorded_us=recorded_us,
            service=given.service,
            key=given.key,
        )


def _check_count(count: int, what: str) -> None:
    if not 0 < count <= MAX_LABELS:
        raise InvalidRequest(f"the request has {count} {what}", remedy=f"Send 1 to {MAX_LABELS:,}.")


def _finite(given: float, what: str, index: int) -> float:
    value = float(given)
    if not math.isfinite(value):
        raise InvalidRequest(f"the value of {what} is not finite", row=index)
    return value


def _decision_id(text: str, what: str, index: int) -> str:
    """Return the id in the form in which it was answered."""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise InvalidRequest(
            f"{what} names no decision",
            remedy="Send the decision_id of the answer's parameters.",
            row=index,
        ) from error
