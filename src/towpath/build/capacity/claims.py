"""A request with its numbers: what it would occupy, for how long at most, and what that would cost."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime  # noqa: TC003 -- msgspec reads the fields' types
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.build.capacity.declaration import path_of
from towpath.build.capacity.limits import STEP_TIMEOUT_S
from towpath.build.capacity.money import Size, cost, millis
from towpath.build.compute import Resources  # noqa: TC001 -- likewise
from towpath.core.errors import NotFound, UsageError
from towpath.ledger import PermitRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.capacity.contract import PermitRequest
    from towpath.build.capacity.limits import Node
    from towpath.ledger import PermitState, PriceList


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An attempt that waits or runs.

    Attributes:
        resources: What it is held to: limits that it did not declare are filled in.
        account: Its name in the account: `id`, numbered where the attempt was granted before and given
            back unused.
        unit: What one execution costs in the worst case, in micro-units.
        reserved: What is set aside for it already; for one that waits, passed on by the attempt before.
        executions: How many executions the worst case is made of: the attempts left.
        day: The day whose balance holds `reserved`.
        budgets: The budgets that `reserved` is on the balance of, the closest first.
        granted_at: When it was granted, by wall time.
    """

    id: str
    project: str
    queue: str
    pipeline: str
    run: str
    step: str
    attempt: int
    cause: str
    owner: str
    priority: int
    asked_at: datetime
    resources: Resources
    size: Size
    account: str
    unit: int
    executions: int
    prices: int
    checkpointing: bool
    preemptible: bool
    reserved: int = 0
    day: datetime | None = None
    budgets: tuple[str, ...] = ()
    granted_at: datetime | None = None
    saved_at: datetime | None = None
    wanted_by: str | None = None

    @property
    def limit_ms(self) -> int:
        """How long it can take at most: its time limit and the grace it is given to stop."""
        return millis((self.resources.timeout_s or 0) + self.resources.grace_s)

    @property
    def worst(self) -> int:
        """What all its executions cost in the worst case."""
        return self.unit * self.executions

    @property
    def missing(self) -> int:
        """What has still to be set aside before it may run."""
        return max(0, self.worst - self.reserved)

    def spent_by(self, wall: datetime) -> int:
        """Return what it will have cost if it is told to stop now and takes all of its grace."""
        if self.granted_at is None or not self.limit_ms:
            return 0
        ran_ms = millis((wall - self.granted_at).total_seconds() + self.resources.grace_s)
        return min(self.unit, -(-self.unit * ran_ms // self.limit_ms))

    def row(self, state: PermitState, seen_until: datetime) -> PermitRow:
        """Return it as it is stored."""
        return PermitRow(
            id=self.id,
            state=state,
            project=self.project,
            queue=self.queue,
            run=self.run,
            owner=self.owner,
            priority=self.priority,
            asked_at=self.asked_at,
            seen_until=seen_until,
            wanted_by=self.wanted_by,
            saved_at=self.saved_at,
            body={name: msgspec.to_builtins(getattr(self, name)) for name in _IN_BODY},
        )

    def following(self, **changes: Any) -> Claim:
        """Return the attempt after this one."""
        name = next_attempt(self.id)
        fresh: dict[str, Any] = {"granted_at": None, "saved_at": None, "wanted_by": None}
        return replace(self, id=name, account=name, attempt=self.attempt + 1, **fresh, **changes)


_IN_COLUMNS = frozenset(
    ("id", "project", "queue", "run", "owner", "priority", "asked_at", "saved_at", "wanted_by")
)
_IN_BODY = tuple(one.name for one in fields(Claim) if one.name not in _IN_COLUMNS)


def next_attempt(permit_id: str) -> str:
    """Return the id of the attempt after one: ids are `CALL/ATTEMPT`."""
    call, _, attempt = permit_id.rpartition("/")
    return f"{call}/{int(attempt) + 1}"


def claim_of(row: PermitRow) -> Claim:
    """Read a stored attempt."""
    columns = {name: getattr(row, name) for name in _IN_COLUMNS}
    return msgspec.convert({**row.body, **columns}, Claim)


def make_claim(
    request: PermitRequest,
    nodes: Mapping[str, Node],
    prices: PriceList,
    *,
    owner: str,
    asked_at: datetime,
) -> Claim:
    """Work out what a request would occupy and cost.

    Raises:
        UsageError: It stands in a queue that its project does not have, asks for an accelerator that
            has no price, or leaves no attempt.
    """
    if request.attempts_left < 1:
        raise UsageError(f"attempt {request.id!r} has no attempt left")
    queue = _queue_of(request, nodes)
    path = [nodes[name] for name in path_of(request.project, queue) if name in nodes]
    stands_in = path[0] if queue else None
    resources = _limited(request.resources, path)
    size = Size.of(resources)
    limit_ms = millis((resources.timeout_s or 0) + resources.grace_s)
    priority = request.priority
    if priority is None:
        priority = 0 if stands_in is None else stands_in.priority
    return Claim(
        id=request.id,
        account=request.id,
        project=request.project,
        queue=queue,
        pipeline=request.pipeline,
        run=request.run_id,
        step=request.step,
        attempt=request.attempt,
        cause=request.cause,
        owner=owner,
        priority=priority,
        asked_at=asked_at,
        resources=resources,
        size=size,
        unit=cost(size, limit_ms, prices.rates),
        executions=request.attempts_left,
        prices=prices.version,
        checkpointing=request.checkpointing,
        preemptible=stands_in is None or stands_in.preemptible,
    )


def queue_for(pipeline: str, project: str, nodes: Mapping[str, Node]) -> str:
    """Return the queue of its project that a pipeline stands in; empty: none."""
    prefix = path_of(project, "")[0] + "/queue/"
    for path, node in sorted(nodes.items()):
        if path.startswith(prefix) and pipeline in node.pipelines:
            return path.removeprefix(prefix)
    return ""


def _queue_of(request: PermitRequest, nodes: Mapping[str, Node]) -> str:
    if not request.queue:
        return queue_for(request.pipeline, request.project, nodes)
    prefix = path_of(request.project, "")[0] + "/queue/"
    if prefix + request.queue not in nodes:
        known = [path.removeprefix(prefix) for path in nodes if path.startswith(prefix)]
        missing = NotFound.named("queue", request.queue, known)
        raise UsageError(
            f"project {request.project!r} has no queue {request.queue!r}", remedy=missing.remedy
        )
    return request.queue


def _limited(resources: Resources, path: list[Node]) -> Resources:
    """Fill in limits that a step does not declare: without an end there is no worst case."""
    timeout_s, memory_bytes = resources.timeout_s, resources.memory_bytes
    for node in path:
        timeout_s = node.step_timeout_s if timeout_s is None else timeout_s
        memory_bytes = node.step_memory_bytes if memory_bytes is None else memory_bytes
    return replace(
        resources,
        timeout_s=STEP_TIMEOUT_S if timeout_s is None else timeout_s,
        memory_bytes=memory_bytes,
    )
