"""Takes in what turned out to be true."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from typing import TYPE_CHECKING, Final

from towpath.core.errors import InvalidRequest
from towpath.operate.decisions import Label

if TYPE_CHECKING:
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.moments import Moments
    from towpath.gateway.protocol import LabelsRequest
    from towpath.gateway.recording import Recorder

MAX_LABELS: Final = 10_000


class Labelling:
    """Records labels durably. Whether their decisions are known is found out when they are read."""

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
        if not 0 < len(given) <= MAX_LABELS:
            raise InvalidRequest(
                f"the request has {len(given)} labels", remedy=f"Send 1 to {MAX_LABELS:,}."
            )
        recorded_us = time.time_ns() // 1000
        labels: list[Label] = []
        for index, label in enumerate(given):
            value = float(label.value)
            if not math.isfinite(value):
                raise InvalidRequest(f"the value of label {index} is not finite", row=index)
            labels.append(
                Label(
                    decision_id=_decision_id(label.decision_id, index),
                    value=value,
                    at_us=self._moments.of_label(label.time),
                    recorded_us=recorded_us,
                )
            )
        await asyncio.shield(self._recorder.append(labels, durable=True))
        self._metrics.labelled(len(labels))
        return len(labels)


def _decision_id(text: str, index: int) -> str:
    """Return the id in the form in which it was answered."""
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise InvalidRequest(
            f"label {index} names no decision",
            remedy="Send the decision_id of the answer's parameters.",
            row=index,
        ) from error
