"""Runs each task on a node of a Ray cluster, in a process forked from a warm one beside Ray's."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import msgspec
import structlog

from towpath.assets.code import environment_digest
from towpath.build.compute.contract import Outcome, Task
from towpath.build.compute.ray import losses, node
from towpath.build.compute.ray.asking import beside, wanted
from towpath.build.compute.ray.cluster import ray
from towpath.build.compute.ray.inside import PROCESS
from towpath.build.compute.ray.offers import infeasible, refuse_infeasible
from towpath.core.errors import InvalidSetting, TowpathError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from towpath.build.compute.contract import Emit
    from towpath.build.compute.ray.cluster import RayCluster
    from towpath.build.compute.ray.offers import Offer

log = structlog.get_logger()

_WATCH_EVERY_S = 0.25
_FORCE_AFTER_S = 10.0
_BURIED_WITHIN_S = 30.0
_CLOSED_WITHIN_S = 60.0


@dataclass(slots=True)
class _Held:
    """A task on its way.

    Attributes:
        stream: Ray's end of it: gives batches of frames; None while it waits here.
        node: Ray's id of the node it runs on, and `process` (number, start) there, once known.
        ended: Why we ended it, if we did.
        kill_at: When its grace is over, by the monotonic clock.
        force_at: When to end its worker with it, by the monotonic clock.
        began: When it was first heard of, likewise; None before.
    """

    task: Task
    future: Future[Outcome]
    on_message: Emit | None
    stream: Any = None
    node: str = ""
    process: tuple[int, int] | None = None
    result: Outcome | None = None
    ended: Outcome | None = None
    kill_at: float | None = None
    force_at: float | None = None
    began: float | None = None


class RayExecutor:
    """Isolated processes on the nodes of a cluster, as many at once as its cpus allow.

    Ray has no priorities, keeps its accounts on trust and waits for ever for what can't be. So this
    executor owns the queue, gives Ray only what fits beside what it runs already, refuses at once what
    no node could run, and gives up what no node can run any more. Limits are enforced by a fork server
    beside each Ray worker: see `node`.

    A task is tried once. One that is lost with its worker or node is `killed` with the code
    `unavailable`, which whoever submitted it may take for worth another try.

    To cancel is done in order. With a grace, the process is asked (SIGTERM). Then its own supervisor
    kills it and waits for its end. If nothing is heard of that within 10 s, Ray kills the worker, and a
    look at the node makes sure that the process is gone.

    Args:
        cluster: Where to run. The executor closes it.
    """

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._lock = threading.RLock()
        self._queue: deque[_Held] = deque()
        self._held: dict[str, _Held] = {}
        self._modules: list[str] = []
        self._closed = threading.Event()
        self._carry = ray().remote(node.carry)
        self._bury = ray().remote(node.bury)
        self._poke = ray().remote(node.poke)
        self._watcher = threading.Thread(target=self._watch, name="ray-watcher", daemon=True)
        self._watcher.start()

    @property
    def isolated(self) -> bool:
        """True: each task has its own process."""
        return True

    @property
    def cpus(self) -> float:
        """How many cores the nodes have together."""
        return sum(one.cpus for one in self._cluster.offers())

    def warm(self, modules: Iterable[str]) -> None:
        """Have the fork servers on the nodes import these modules before their next task."""
        with self._lock:
            self._modules = list(dict.fromkeys([*self._modules, *modules]))

    def submit(self, task: Task, *, on_message: Emit | None = None) -> Future[Outcome]:
        """Queue a task; it goes to Ray as soon as its cpus are free."""
        if self._closed.is_set():
            raise Unavailable("the executor is closed")
        refuse_infeasible(task.resources, self._cluster.offers())
        held = _Held(task, Future(), on_message)
        with self._lock:
            if task.id in self._held:
                raise InvalidSetting(f"task {task.id!r} is already here")
            self._held[task.id] = held
            self._queue.append(held)
            self._admit()
        return held.future

    def cancel(self, task_id: str, *, grace_s: float = 0.0) -> None:
        """Kill a running task, asked first if there is a grace; take a waiting one out of the queue."""
        with self._lock:
            held = self._held.get(task_id)
            if held is None:
                return
            held.ended = held.ended or Outcome(status="killed", error="it was cancelled")
            if grace_s > 0 and held.process is not None:
                held.kill_at = held.kill_at or time.monotonic() + grace_s
                self._poke.options(**beside(held.node)).remote(*held.process)
            else:
                self._end(held)

    def close(self) -> None:
        """Kill what runs, leave the cluster, and end it if it is our own."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            left = list(self._held.values())
            for held in left:
                held.ended = Outcome(status="killed", error="the executor was closed")
                self._end(held)
        deadline = time.monotonic() + _CLOSED_WITHIN_S
        for held in left:
            with contextlib.suppress(TimeoutError):
                held.future.result(max(0.0, deadline - time.monotonic()))
        self._watcher.join(_WATCH_EVERY_S * 4)
        self._cluster.close()

    def __enter__(self) -> Self:
        """Return the executor."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _admit(self) -> None:
        """Give Ray waiting tasks, first come first served, while the next one fits."""
        offers = self._cluster.offers() if self._queue else ()
        while self._queue:
            running = [one.task.resources for one in self._held.values() if one.stream is not None]
            asked = self._queue[0].task.resources
            cpus = asked.cpus + sum(one.cpus for one in running)
            gpus = asked.gpus + sum(one.gpus for one in running)
            fits = cpus <= sum(one.cpus for one in offers)
            if running and not (fits and gpus <= sum(one.gpus for one in offers)):
                return
            held = self._queue.popleft()
            held.stream = self._send(held.task)
            name = f"ray-{held.task.id}"
            threading.Thread(target=self._follow, args=(held,), name=name, daemon=True).start()

    def _send(self, task: Task) -> Any:
        cargo = node.Cargo(
            id=task.id,
            call=task.call,
            payload=dict(task.payload),
            resources=task.resources,
            env=dict(task.env),
            modules=self._modules,
            lock=environment_digest(),
        )
        return self._carry.options(**wanted(task, self._cluster.offers())).remote(
            msgspec.msgpack.encode(cargo)
        )

    def _follow(self, held: _Held) -> None:
        """Take in what a task says until it is over; on a thread of its own."""
        lost: BaseException | None = None
        try:
            for reference in held.stream:
                for frame in msgspec.msgpack.decode(ray().get(reference)):
                    self._take(held, frame)
        except Exception as error:  # noqa: BLE001  told in the outcome, whatever it is
            lost = error
        if held.result is None:
            self._confirm_dead(held)
        outcome = _outcome(held, lost)
        with self._lock:
            del self._held[held.task.id]
            if not self._closed.is_set():
                with contextlib.suppress(Unavailable):  # then the watcher tells the others
                    self._admit()
        held.future.set_result(outcome)

    def _take(self, held: _Held, frame: dict[str, Any]) -> None:
        if "log" in frame:
            with held.task.log.open("ab") as file:
                file.write(frame["log"])
        elif "result" in frame:
            held.result = msgspec.convert(frame["result"], Outcome)
        elif "node" in frame:
            held.node, held.began = frame["node"], time.monotonic()
        elif "lock" in frame:
            held.result = losses.differing(frame["lock"])
        elif PROCESS in frame["message"]:
            pid, started = frame["message"][PROCESS]
            held.process = (pid, started)
        elif held.on_message is not None:
            try:
                held.on_message(frame["message"])
            except Exception:
                log.exception("ray.listener_failed", task=held.task.id)

    def _end(self, held: _Held) -> None:
        """Have a task end as `ended` says, however far it is. Called with the lock held."""
        assert held.ended is not None
        held.kill_at = None
        if held.stream is None:
            self._queue.remove(held)
            del self._held[held.task.id]
            held.future.set_result(held.ended)
        elif held.force_at is None:
            held.force_at = time.monotonic() + _FORCE_AFTER_S
            ray().cancel(held.stream, force=False)

    def _confirm_dead(self, held: _Held) -> None:
        """Look after a process whose supervisor has not told of its end."""
        alive = {one.node for one in self._offers_or_none()}
        if held.process is None or held.node not in alive:
            return  # it never began, or its node is gone and all that ran there with it
        try:
            gone = ray().get(
                self._bury.options(**beside(held.node)).remote(*held.process),
                timeout=_BURIED_WITHIN_S,
            )
        except Exception as error:  # noqa: BLE001  the node may be going down this very moment
            log.warning("ray.not_confirmed", task=held.task.id, error=type(error).__name__)
            return
        if not gone:
            log.warning("ray.not_dead", task=held.task.id, node=held.node)

    def _watch(self) -> None:
        """End what hangs when it was told to stop, and what no node can run any more."""
        while not self._closed.wait(_WATCH_EVERY_S) or self._held:
            offers = self._offers_or_none()
            with self._lock:
                for held in list(self._held.values()):
                    self._look_after(held, offers)
            if self._closed.is_set():
                time.sleep(_WATCH_EVERY_S)

    def _look_after(self, held: _Held, offers: Sequence[Offer]) -> None:
        now = time.monotonic()
        if held.force_at is not None and now > held.force_at:
            held.force_at = float("inf")
            ray().cancel(held.stream, force=True)
        elif held.kill_at is not None and now > held.kill_at:
            self._end(held)
        elif not held.node and not held.ended and offers:
            why = infeasible(held.task.resources, offers)
            if why:
                held.ended = losses.stranded(why)
                self._end(held)

    def _offers_or_none(self) -> tuple[Offer, ...]:
        try:
            return self._cluster.offers()
        except TowpathError:
            return ()


def _outcome(held: _Held, lost: BaseException | None) -> Outcome:
    if held.result is None:
        seconds = 0.0 if held.began is None else time.monotonic() - held.began
        return replace(held.ended or losses.outcome_of(lost), seconds=seconds)
    if held.ended is not None and held.result.status == "killed":
        why = held.ended
        return replace(held.result, error=why.error, error_code=why.error_code)
    return held.result
