"""The way of a request: rows, subject, arm, prediction, durable decision, answer."""

from __future__ import annotations

import asyncio
import time
from traceback import format_tb
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from towpath.core.errors import DeadlineExceeded, InvalidRequest, TowpathError, Withdrawn
from towpath.gateway.admission import refuse_late
from towpath.gateway.answers.batching import Answers, Batcher
from towpath.gateway.answers.plans import ServicePlan
from towpath.gateway.answers.responding import response_of
from towpath.gateway.answers.shares import Callers, Share
from towpath.gateway.protocol import InferParameters
from towpath.gateway.routes.routing import LiveService, RoutingTable
from towpath.operate.decisions import DecisionIds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.models import Predictor
    from towpath.gateway.answers.plans import ArmPlan, Given
    from towpath.gateway.answers.recording import Recorder
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.moments import Moments
    from towpath.gateway.protocol import InferRequest, InferResponse, WantedOutput
    from towpath.storage.keys import Keyring

_NOTHING: Final = InferParameters()

_log = structlog.get_logger()


class Inference:
    """Answers requests, whatever transport they came by. Used from one event loop only.

    Attributes:
        names: Names of the services.
        of_numbers: Names of the services whose inputs are all numbers or truth values.
        of_truths: Names of those among them that take truth values.

    Args:
        observe: Is shown what was answered and recorded, of services that have shadows.
    """

    def __init__(
        self,
        keyring: Keyring,
        recorder: Recorder,
        moments: Moments,
        metrics: GatewayMetrics,
        *,
        observe: Callable[[LiveService, Sequence[Share]], None] | None = None,
    ) -> None:
        self._table = RoutingTable()
        self.names: frozenset[str] = frozenset()
        self.of_numbers: frozenset[str] = frozenset()
        self.of_truths: frozenset[str] = frozenset()
        self._plans: dict[int, ServicePlan] = {}
        self._batchers: dict[int, tuple[Predictor, Batcher]] = {}
        self._keyring = keyring
        self._recorder = recorder
        self._moments = moments
        self._metrics = metrics
        self._observe = observe
        self._ids = DecisionIds()

    @property
    def table(self) -> RoutingTable:
        """The routing table in force; replaced whole."""
        return self._table

    @table.setter
    def table(self, table: RoutingTable) -> None:
        """Put a table in force. What the models' calls cost stays known while they are served."""
        self._table = table
        self._plans = {}
        services = [*table.services.values()]
        for line in table.lines.values():
            services += line.services.values()
        served = {id(arm.predictor) for service in services for arm in service.arms}
        self._batchers = {key: kept for key, kept in self._batchers.items() if key in served}
        self.names = frozenset(table.services)
        plans = {name: self._plan(service) for name, service in table.services.items()}
        self.of_numbers = frozenset(name for name, plan in plans.items() if plan.takes_numbers)
        self.of_truths = frozenset(name for name, plan in plans.items() if plan.takes_truths)

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
            InfrastructureError: The decisions could not be made durable.
            TowpathError: What `ask`, `record` and `conclude` raise.
        """
        return await self.finished(self.ask(name, request, version=version, by=by))

    # What `infer` does, in the steps between which it may have to wait: who need not, does not. ------

    def ask(
        self,
        name: str,
        request: InferRequest,
        *,
        version: str | None = None,
        by: float | None = None,
    ) -> Asked:
        """Read a request and ask the models; see `infer`. Nothing is decided yet.

        Raises:
            NotFound: No such service, or the version is not served.
            InvalidRequest: The rows are not what the model takes.
            Withdrawn: A row's subject has withdrawn.
            Unavailable: There is no route yet.
            DeadlineExceeded: The request's time was up before a model was asked.
        """
        begun_ns = time.perf_counter_ns()
        said = request.parameters
        service = self._table.service(name, said.service_version)
        plan = self._plans.get(id(service)) or self._plan(service)
        pinned = None if version is None else plan.pinned(version)
        given = plan.given(request, pinned or plan.arms[0])
        callers = self._callers(service, said, given.count)
        if request.outputs:
            _refuse_unknown_outputs(service, request.outputs)
        shares = _shares(plan, pinned, given, callers)
        waiting = self._ask(shares, by)
        return Asked(
            service=service,
            request=request,
            callers=callers,
            shares=shares,
            waiting=waiting,
            begun_ns=begun_ns,
        )

    def record(self, asked: Asked) -> asyncio.Future[None] | None:
        """Append the decisions, once the models have answered or failed.

        Returns:
            What is done once they are on disk, shared with other requests; None where nobody waits for it.

        Raises:
            InvalidRequest: A model's own preparation refused a row. Nothing was recorded.
            Withdrawn: A row's subject has withdrawn meanwhile. Nothing was recorded.
            DeadlineExceeded: The time was up before a model was asked. Nothing was recorded.
            Overloaded: The disk does not keep up. Nothing was recorded.
        """
        service, shares = asked.service, asked.shares
        if len(shares) > 1 or shares[0].answers is None:
            asked.failure = _failure_of(shares)
        latency_us = (time.perf_counter_ns() - asked.begun_ns) // 1000
        # Again, and in the same breath as the append: whoever withdrew while a model was at work is
        # not recorded once the gateway has acknowledged the withdrawal.
        if asked.callers.subjects is not None and self._table.suppressed:
            self._refuse_withdrawn(asked.callers)
        appended = self._append(asked, latency_us)
        return appended if service.durable else None

    def conclude(self, asked: Asked) -> InferResponse:
        """Count what was decided, and return the answer.

        Raises:
            TowpathError: A model failed on valid rows; the decisions are recorded with status `error`.
        """
        service, shares = asked.service, asked.shares
        for share in shares:
            self._metrics.decided(service.name, share.plan.arm.model, len(share))
        if service.shadows and self._observe is not None:
            self._observe(service, shares)
        if asked.failure is not None:
            raise asked.failure
        return response_of(service, asked.request, shares, asked.callers)

    async def finished(self, asked: Asked) -> InferResponse:
        """Wait for whatever is to be waited for, and do the rest; see `infer`."""
        if asked.waiting:
            await asked.wait()
        recorded = self.record(asked)
        if recorded is not None:
            await asyncio.shield(recorded)
        return self.conclude(asked)

    def _plan(self, service: LiveService) -> ServicePlan:
        """Return a service's plan; made with its first request, and kept as long as the table."""
        plan = self._plans.get(id(service))
        if plan is None:
            plan = self._plans[id(service)] = ServicePlan(service, self._batcher)
        return plan

    def _batcher(self, predictor: Predictor) -> Batcher:
        """Return a model's batcher: one for all services and arms that it serves."""
        found = self._batchers.get(id(predictor))
        if found is None:  # the pair keeps the model alive, and so its id its own
            found = self._batchers[id(predictor)] = (predictor, Batcher(predictor))
        return found[1]

    def _callers(self, service: LiveService, said: InferParameters, count: int) -> Callers:
        """Read what the request says of its rows, and give each an id."""
        ids = self._ids.take(count)
        if said == _NOTHING:
            return Callers(ids=ids, at_us=[self._moments.now_us()] * count)
        keys = _per_row("key", said.key, said.keys, count)
        subjects = _per_row("subject", said.subject, said.subjects, count)
        times = _per_row("time", said.time, said.times, count)
        if times is None:
            at_us = [self._moments.now_us()] * count
        else:
            at_us = [self._moments.of_decision(text) for text in times]
        if subjects is None:
            return Callers(ids=ids, at_us=at_us, keys=keys)
        hashed = [None if one is None else self._hash(service, one) for one in subjects]
        callers = Callers(ids=ids, at_us=at_us, keys=keys, subjects=hashed)
        self._refuse_withdrawn(callers)
        return callers

    def _hash(self, service: LiveService, subject: str) -> str:
        if service.subject_field is None:
            raise InvalidRequest(
                f"the service {service.name!r} declares no subject, so it can't take one",
                remedy="Declare the data set's subject in the project, or leave `subject` out.",
                service=service.name,
            )
        return self._keyring.subject_hash(service.subject_field, subject)

    def _refuse_withdrawn(self, callers: Callers) -> None:
        suppressed = self._table.suppressed
        if callers.subjects is None:
            return
        self._table.require_fresh()
        for index, subject in enumerate(callers.subjects):
            if subject in suppressed:
                raise Withdrawn(
                    f"the subject of row {index} has withdrawn",
                    remedy="Leave the row out; nothing was decided or recorded.",
                    row=index,
                )

    def _ask(
        self, shares: Sequence[Share], by: float | None
    ) -> list[tuple[Share, asyncio.Future[Answers]]]:
        """Ask the models; return what is to be waited for.

        Raises:
            DeadlineExceeded: The time is up.
        """
        if by is not None:
            refuse_late(by)
        asked: list[tuple[Share, asyncio.Future[Answers]]] = []
        for share in shares:
            try:
                found = share.plan.batcher.answer(share.rows, by)
            except Exception as error:  # noqa: BLE001 - whatever a model does, the decision is recorded
                share.failure = error
                continue
            if isinstance(found, asyncio.Future):
                asked.append((share, found))
            else:
                share.answers = found.tolist()
        return asked

    def _append(self, asked: Asked, latency_us: int) -> asyncio.Future[None]:
        """Append the decisions; return what is done once they are on disk."""
        service, shares = asked.service, asked.shares
        version = asked.request.parameters.service_version
        recorded_us = time.time_ns() // 1000
        batches = shares[0].batches(recorded_us, latency_us, version)
        for share in shares[1:]:
            batches += share.batches(recorded_us, latency_us, version)
        if service.logging is None:
            return self._recorder.append(batches, durable=service.durable)
        decisions = [decision for batch in batches for decision in batch.decisions()]
        return self._recorder.append(service.logging.admitted(decisions), durable=service.durable)


class Asked(msgspec.Struct, kw_only=True):
    """A request whose models were asked.

    Attributes:
        waiting: Those that answer later.
        begun_ns: When it began, by the performance counter.
        failure: What to say of a model that failed on valid rows.
    """

    service: LiveService
    request: InferRequest
    callers: Callers
    shares: Sequence[Share]
    waiting: Sequence[tuple[Share, asyncio.Future[Answers]]]
    begun_ns: int
    failure: TowpathError | None = None

    async def wait(self) -> None:
        """Wait for models that answer later."""
        for share, answered in self.waiting:
            try:
                share.answers = (await answered).tolist()
            except Exception as error:  # noqa: BLE001 - whatever a model does, the decision is recorded
                share.failure = error


def _failure_of(shares: Sequence[Share]) -> TowpathError | None:
    """Return what to say of a model that failed on valid rows, if one did.

    Raises:
        InvalidRequest: A model's own preparation refused a row.
        DeadlineExceeded: The time was up before a model was asked.
    """
    failure: TowpathError | None = None
    for share in shares:
        if share.failure is None:
            continue
        if isinstance(share.failure, (InvalidRequest, DeadlineExceeded)):
            raise share.failure
        model = share.plan.arm.model
        # Where it failed and as what, but not its words: they may repeat a value of the row.
        _log.error(
            "prediction.failed",
            model=model,
            error=type(share.failure).__name__,
            stack="".join(format_tb(share.failure.__traceback__)),
        )
        failure = TowpathError(f"{model} failed on valid rows", model=model)
    return failure


def _shares(
    plan: ServicePlan, pinned: ArmPlan | None, given: Given, callers: Callers
) -> list[Share]:
    """Give each row to its arm, and have the arm's model read it."""
    if pinned is not None or not plan.is_split:
        arm = pinned or plan.arms[0]
        rows = arm.read(given, None) if given.rows is None else given.rows
        return [Share(plan=arm, given=given, members=None, callers=callers, rows=rows)]
    groups: dict[ArmPlan, list[int]] = {}
    for at, decision_id in enumerate(callers.ids):
        subject = None if callers.subjects is None else callers.subjects[at]
        key = None if callers.keys is None else callers.keys[at]
        groups.setdefault(plan.arm_for(subject or key or decision_id), []).append(at)
    return [
        Share(
            plan=arm,
            given=given,
            members=members,
            callers=callers.of(members),
            rows=arm.read(given, members),
        )
        for arm, members in groups.items()
    ]


def _per_row(
    name: str, one: str | None, many: list[str | None] | None, count: int
) -> list[str | None] | None:
    """Return a parameter's value for each row; None where it says nothing.

    Raises:
        InvalidRequest: One value was given for several rows, or a list of another length.
    """
    if many is None:
        if one is None:
            return None
        if count > 1:
            raise InvalidRequest(
                f"the request has {count} rows and one {name!r}",
                remedy=f"Send {name + 's'!r}, a list with one value per row.",
            )
        return [one]
    if one is not None or len(many) != count:
        raise InvalidRequest(
            f"{name + 's'!r} must have one value per row ({count}), and {name!r} not be there",
        )
    return many


def _refuse_unknown_outputs(service: LiveService, outputs: Sequence[WantedOutput]) -> None:
    """Refuse to be asked for outputs that no arm has."""
    for output in outputs:
        if output.name not in service.outputs:
            raise InvalidRequest(
                f"the service {service.name!r} has no output {output.name!r}",
                remedy=f"It gives: {', '.join(sorted(service.outputs))}.",
            )
