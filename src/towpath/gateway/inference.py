"""The way of a request: columns, subject, arm, prediction, durable decision, answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from towpath.core.errors import DeadlineExceeded, InvalidRequest, TowpathError, Withdrawn
from towpath.gateway.admission import refuse_late
from towpath.gateway.protocol import InferResponse, OutputTensor
from towpath.gateway.routing import PINNED, LiveArm, LiveService, RoutingTable
from towpath.gateway.tensors import columns_of
from towpath.operate.decisions import Decision, DecisionIds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.moments import Moments
    from towpath.gateway.protocol import InferParameters, InferRequest
    from towpath.gateway.recording import Recorder
    from towpath.storage.keys import Keyring

INLINE_ROWS: Final = 64
"""Up to this many rows are predicted in the event loop: cheaper than a thread's wake-up."""

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class _Row:
    """What a request says of one row, and which arm answers it."""

    decision_id: str
    at_us: int
    key: str | None
    subject: str | None
    arm: LiveArm
    outputs: dict[str, float]
    error: str | None = None


class Inference:
    """Answers requests, whatever transport they came by. Used from one event loop only.

    Attributes:
        table: The routing table in force; replaced whole.
    """

    def __init__(
        self, keyring: Keyring, recorder: Recorder, moments: Moments, metrics: GatewayMetrics
    ) -> None:
        self.table = RoutingTable()
        self._keyring = keyring
        self._recorder = recorder
        self._moments = moments
        self._metrics = metrics
        self._ids = DecisionIds()

    async def infer(
        self,
        name: str,
        request: InferRequest,
        *,
        version: str | None = None,
        by: float | None = None,
    ) -> InferResponse:
        """Answer a request of one or many rows; each row is one decision, or none is.

        Args:
            name: The service, or the model that one service serves.
            request: The decoded message.
            version: The model version that the caller insists on.
            by: When the request's time is up, by the monotonic clock; None: never.

        Raises:
            NotFound: No such service, or the version is not served.
            InvalidRequest: The rows are not what the model takes. Nothing was recorded.
            Withdrawn: A row's subject has withdrawn. Nothing was recorded.
            Unavailable: There is no route yet.
            DeadlineExceeded: The request's time was up before a model was asked. Nothing was recorded.
            InfrastructureError: The decisions could not be made durable.
            TowpathError: The model failed; the decisions are recorded with status `error`.
        """
        begun_ns = time.perf_counter_ns()
        service_version = request.parameters.service_version
        service = self.table.service(name, service_version)
        asked = service.arms[0] if version is None else service.arm_of_version(version)
        count, columns = columns_of(request.inputs, asked.predictor.signature.inputs)
        rows = self._rows(service, request.parameters, count, version)
        _refuse_unknown(service, columns, request)
        failure = await self._predict(rows, columns, by)
        latency_us = (time.perf_counter_ns() - begun_ns) // 1000
        decisions = self._decisions(service, service_version, rows, columns, latency_us)
        # Again, and in the same breath as the append: whoever withdrew while a model was at work is
        # not recorded once the gateway has acknowledged the withdrawal.
        self._refuse_withdrawn(rows)
        appended = self._recorder.append(decisions, durable=service.durable)
        if service.durable:
            await asyncio.shield(appended)
        for row in rows:
            self._metrics.decided(service.name, row.arm.model)
        if failure is not None:
            raise failure
        return _response(service, request, rows)

    def _rows(
        self, service: LiveService, said: InferParameters, count: int, version: str | None
    ) -> list[_Row]:
        """Put together what is known of each row before the model is asked."""
        keys = _per_row("key", said.key, said.keys, count)
        subjects = _per_row("subject", said.subject, said.subjects, count)
        times = _per_row("time", said.time, said.times, count)
        pinned = None
        if version is not None:
            pinned = replace(service.arm_of_version(version), arm=PINNED)
        rows: list[_Row] = []
        for key, subject, text in zip(keys, subjects, times, strict=True):
            decision_id = self._ids.next()
            hashed = None if subject is None else self._hash(service, subject)
            arm = pinned or service.arm_for(hashed or key or decision_id)
            rows.append(
                _Row(
                    decision_id=decision_id,
                    at_us=self._moments.of_decision(text),
                    key=key,
                    subject=hashed,
                    arm=arm,
                    outputs={},
                )
            )
        self._refuse_withdrawn(rows)
        return rows

    def _hash(self, service: LiveService, subject: str) -> str:
        if service.subject_field is None:
            raise InvalidRequest(
                f"the service {service.name!r} declares no subject, so it can't take one",
                remedy="Declare the data set's subject in the project, or leave `subject` out.",
                service=service.name,
            )
        return self._keyring.subject_hash(service.subject_field, subject)

    def _refuse_withdrawn(self, rows: Sequence[_Row]) -> None:
        suppressed = self.table.suppressed
        if not suppressed:
            return
        for index, row in enumerate(rows):
            if row.subject in suppressed:
                raise Withdrawn(
                    f"the subject of row {index} has withdrawn",
                    remedy="Leave the row out; nothing was decided or recorded.",
                    row=index,
                )

    async def _predict(
        self, rows: Sequence[_Row], columns: dict[str, list[Any]], by: float | None
    ) -> TowpathError | None:
        """Fill in each row's outputs; return the failure if a model failed on valid rows."""
        groups: dict[int, tuple[LiveArm, list[int]]] = {}
        for index, row in enumerate(rows):
            groups.setdefault(id(row.arm), (row.arm, []))[1].append(index)
        failure: TowpathError | None = None
        for arm, members in groups.values():
            taken = _taken(arm, columns, members, len(rows))
            try:
                if len(members) <= INLINE_ROWS:
                    answers = arm.predictor.predict(taken)
                else:
                    answers = await asyncio.to_thread(_predict_in_time, arm, taken, by)
            except (InvalidRequest, DeadlineExceeded):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a model does, the decision is recorded
                _log.exception("prediction.failed", model=arm.model)
                failure = TowpathError(f"{arm.model} failed on valid rows", model=arm.model)
                for index in members:
                    rows[index].error = type(error).__name__
                continue
            for name, values in answers.items():
                for index, value in zip(members, values.tolist(), strict=True):
                    rows[index].outputs[name] = value
        return failure

    def _decisions(
        self,
        service: LiveService,
        service_version: str | None,
        rows: Sequence[_Row],
        columns: dict[str, list[Any]],
        latency_us: int,
    ) -> list[Decision]:
        """Make the records."""
        recorded_us = time.time_ns() // 1000
        decisions: list[Decision] = []
        for index, row in enumerate(rows):
            arm = row.arm
            names = [spec.name for spec in arm.predictor.signature.inputs if spec.name in columns]
            decisions.append(
                Decision(
                    decision_id=row.decision_id,
                    at_us=row.at_us,
                    recorded_us=recorded_us,
                    service=service.name,
                    release=arm.release,
                    model=arm.model,
                    arm=arm.arm,
                    rollout=service.rollout if arm.arm != PINNED else None,
                    stage=service.stage if arm.arm != PINNED else None,
                    key=row.key,
                    subject=row.subject,
                    inputs={name: columns[name][index] for name in names},
                    outputs=row.outputs,
                    status="ok" if row.error is None else "error",
                    error=row.error,
                    latency_us=latency_us,
                    service_version=service_version,
                )
            )
        return decisions if service.logging is None else service.logging.admitted(decisions)


def _predict_in_time(arm: LiveArm, taken: dict[str, list[Any]], by: float | None) -> Any:
    """Ask a model in a thread, for which the request may have waited."""
    refuse_late(by)
    return arm.predictor.predict(taken)


def _per_row(
    name: str, one: str | None, many: Sequence[str | None] | None, count: int
) -> Sequence[str | None]:
    """Return a parameter's value for each row.

    Raises:
        InvalidRequest: One value was given for several rows, or a list of another length.
    """
    if many is None:
        if one is not None and count > 1:
            raise InvalidRequest(
                f"the request has {count} rows and one {name!r}",
                remedy=f"Send {name + 's'!r}, a list with one value per row.",
            )
        return [one] * count
    if one is not None or len(many) != count:
        raise InvalidRequest(
            f"{name + 's'!r} must have one value per row ({count}), and {name!r} not be there",
        )
    return many


def _refuse_unknown(
    service: LiveService, columns: dict[str, list[Any]], request: InferRequest
) -> None:
    """Refuse inputs and outputs that no arm has; in a rollout callers send what either arm needs."""
    unknown = [name for name in columns if name not in service.columns]
    if unknown:
        raise InvalidRequest(
            f"the service {service.name!r} has no input {unknown[0]!r}",
            remedy=f"It takes: {', '.join(sorted(service.columns))}.",
            columns=unknown,
        )
    for output in request.outputs or ():
        if output.name not in service.outputs:
            raise InvalidRequest(
                f"the service {service.name!r} has no output {output.name!r}",
                remedy=f"It gives: {', '.join(sorted(service.outputs))}.",
            )


def _taken(
    arm: LiveArm, columns: dict[str, list[Any]], members: Sequence[int], count: int
) -> dict[str, list[Any]]:
    """Return the columns that an arm takes, with its rows; the model names those that are absent."""
    names = [spec.name for spec in arm.predictor.signature.inputs if spec.name in columns]
    if len(members) == count:
        return {name: columns[name] for name in names}
    return {name: [columns[name][index] for index in members] for name in names}


def _response(service: LiveService, request: InferRequest, rows: Sequence[_Row]) -> InferResponse:
    """Put the answer together."""
    names = list(dict.fromkeys(name for row in rows for name in row.outputs))
    if request.outputs:
        wanted = [output.name for output in request.outputs]
        names = [name for name in names if name in wanted]
    arm = rows[0].arm
    parameters: dict[str, Any] = {}
    if len(rows) == 1:
        parameters["decision_id"] = rows[0].decision_id
    else:
        parameters["decision_ids"] = [row.decision_id for row in rows]
    if all(row.arm is arm for row in rows):
        parameters |= {"model": arm.model, "release": arm.release, "arm": arm.arm}
    else:
        parameters["models"] = [row.arm.model for row in rows]
        parameters["releases"] = [row.arm.release for row in rows]
        parameters["arms"] = [row.arm.arm for row in rows]
    outputs = [
        OutputTensor(
            name=name,
            shape=[len(rows)],
            datatype="FP64",
            data=[row.outputs.get(name) for row in rows],
        )
        for name in names
    ]
    return InferResponse(
        model_name=service.name,
        model_version=arm.version,
        id=request.id,
        parameters=parameters,
        outputs=outputs,
    )
