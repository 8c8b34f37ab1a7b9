"""Takes in what turned out to be true, and what customers did."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from towpath.core.errors import InvalidRequest
from towpath.operate.decisions import Label
from towpath.operate.decisions.feedback import checked_signal, finite, plain_id

if TYPE_CHECKING:
    from towpath.gateway.answers.recording import Recorder
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.moments import Moments
    from towpath.gateway.protocol import GivenSignal, LabelsRequest, SignalsRequest
    from towpath.operate.decisions import Signal

MAX_LABELS: Final = 10_000
"""Labels, or signals, that one request may carry."""


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
                    decision_id=plain_id(label.decision_id, what, index),
                    value=finite(label.value, what, index),
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
        return checked_signal(
            index,
            name=given.name,
            value=given.value,
            decision_id=given.decision_id,
            service=given.service,
            key=given.key,
            at_us=self._moments.of_label(given.time),
            recorded_us=recorded_us,
        )


def _check_count(count: int, what: str) -> None:
    if not 0 < count <= MAX_LABELS:
        raise InvalidRequest(f"the request has {count} {what}", remedy=f"Send 1 to {MAX_LABELS:,}.")
