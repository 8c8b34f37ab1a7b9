"""The attempts of a run that are going on in processes of their own."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from towpath.build.compute import Task
from towpath.build.pipelines.working.worker import WORKER, WORKER_MODULES, describe_inputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from towpath.build.capacity import ResumePoints
    from towpath.build.compute import Executor, Outcome
    from towpath.build.pipelines.planning.calls import Call
    from towpath.build.pipelines.working.scratch import Scratch


class Executions:
    """Starts attempts, and hears from them. Used from one thread; the executor calls back from others.

    Args:
        executor: Where they run.
        scratch: Where their logs and temporary files are.
        source: Folder with the project's code.
        blobs_url: The blob store, as their processes open it.
        cache_dir: Where they keep downloads of a remote store.
        libraries: Gives the modules to load once the first attempt has begun.
        points: Where steps that save their state would carry on.
    """

    def __init__(
        self,
        executor: Executor,
        scratch: Scratch,
        *,
        source: Path,
        blobs_url: str,
        cache_dir: Path | None,
        libraries: Callable[[], list[str]],
        points: ResumePoints,
    ) -> None:
        self._executor = executor
        self._scratch = scratch
        self._source = source
        self._blobs_url = blobs_url
        self._cache_dir = cache_dir
        self._libraries = libraries
        self._points = points
        self._events: queue.SimpleQueue[tuple[Call | None, str, Any]] = queue.SimpleQueue()
        self._is_warm = False
        self.running: dict[str, Call] = {}

    def begin(self, call: Call) -> None:
        """Start an attempt.

        Raises:
            TowpathError: It can't be: it asks for more than there is, or a secret is not set.
        """
        if not self._is_warm:
            self._executor.warm(WORKER_MODULES)
        future = self._executor.submit(self._task(call), on_message=self._hear(call))
        self.running[call.name] = call
        attempt = call.run_id
        future.add_done_callback(lambda done: self._events.put((call, attempt, done)))
        if not self._is_warm:
            self._is_warm = True  # while the first step runs, load what later ones will want
            self._executor.warm(self._libraries())

    def stop(self, call: Call, *, grace_s: float = 0.0) -> None:
        """Kill an attempt, after a grace in which it may save; its outcome comes once it is dead."""
        self._executor.cancel(call.run_id, grace_s=grace_s)

    def wake(self) -> None:
        """Let a `wait` that goes on return. May be called from any thread."""
        self._events.put((None, "", None))

    def wait(self, timeout_s: float) -> list[tuple[Call, dict[str, Any] | Outcome]]:
        """Wait for something to happen, then return all that has: messages, and outcomes."""
        heard: list[tuple[Call, dict[str, Any] | Outcome]] = []
        deadline = time.monotonic() + timeout_s
        try:
            event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            while True:
                call, attempt, what = event
                if call is not None and attempt == call.run_id:
                    heard.append((call, what if isinstance(what, dict) else _outcome(what)))
                event = self._events.get_nowait()
        except queue.Empty:
            return heard

    def _task(self, call: Call) -> Task:
        options = call.step.options
        order = {
            "step": f"{call.step.module}:{call.step.name}",
            "source": str(self._source),
            "inputs": describe_inputs(call.inputs),
            "constants": dict(call.constants),
            "seed": options.seed,
            "key": call.known_key.digest,
            "run": self._scratch.run_id,
            "blobs": self._blobs_url,
            "cache_dir": None if self._cache_dir is None else str(self._cache_dir),
            "saves": options.checkpoint,
            "saved": self._points.find(call.known_key.digest) if options.checkpoint else None,
        }
        return Task(
            id=call.run_id,
            call=WORKER,
            payload=order,
            resources=call.resources,
            env={"TMPDIR": str(self._scratch.folder), **options.environment_given()},
            log=self._scratch.log(call.run_id),
        )

    def _hear(self, call: Call) -> Callable[[dict[str, Any]], None]:
        attempt = call.run_id
        return lambda message: self._events.put((call, attempt, message))


def _outcome(done: Future[Outcome]) -> Outcome:
    return done.result()
