"""What an executor promises: run a named function somewhere, within limits, and say how it went."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

OutcomeStatus = Literal["done", "failed", "timeout", "memory", "killed"]
Emit: TypeAlias = "Callable[[dict[str, Any]], None]"
TaskFunction: TypeAlias = "Callable[[dict[str, Any], Emit], dict[str, Any]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a task may use.

    Attributes:
        cpus: Cores that it counts for; a fraction shares one. Numeric libraries get as many threads in
            it, rounded up.
        gpus: Accelerators that it counts for; a fraction shares one.
        gpu_kind: Which accelerator it must be, as the engine and the price table name it, like `A100`;
            None: any.
        memory_bytes: What it may allocate beyond the warm process it starts from; None: no limit.
        timeout_s: Wall time from start to result; None: no limit.
        grace_s: What it is given, once it is asked to stop, to save where it is before it is killed.
        spread: Whether its cores and accelerators may lie on several machines: then its own process
            computes little and hands them out to workers. On one machine it makes no difference.
    """

    cpus: float = 1
    gpus: float = 0
    gpu_kind: str | None = None
    memory_bytes: int | None = None
    timeout_s: float | None = None
    grace_s: float = 10.0
    spread: bool = False

    @property
    def threads(self) -> int:
        """How many threads numeric libraries get."""
        return max(1, math.ceil(self.cpus))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call of an importable function.

    Attributes:
        id: Unique among the tasks that the executor holds.
        call: `package.module:function`, a `TaskFunction` of an installed package.
        payload: Its argument, JSON-able. May carry credentials: it travels over a pipe and is never
            logged.
        resources: Its limits.
        env: Environment variables that it sees besides the inherited ones.
        log: File that receives what it prints (both streams, in order); created or appended to.
    """

    id: str
    call: str
    payload: Mapping[str, Any]
    resources: Resources = field(default_factory=Resources)
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a task ended.

    Attributes:
        status: `failed`: it raised or exited. `timeout`, `memory`: it crossed that limit and was
            killed. `killed`: it was cancelled, or a signal ended it.
        value: What the function returned, when `done`.
        error: One line on what went wrong, without values of the data: the exception's type and the
            place it was raised.
        error_code: The stable code of a `TowpathError` that it raised; `unavailable` when somebody
            killed it, which is worth another try; else empty.
        message: The exception's own words; may quote data, so it goes to people and logs only.
        traceback: The last frames, innermost last, for people.
        seconds: Wall time.
        cpu_s: Processor time of the task and its children.
        peak_bytes: Most memory held at once, beyond the warm process; 0 where unknown.
    """

    status: OutcomeStatus
    value: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""
    error_code: str = ""
    message: str = ""
    traceback: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0


class Executor(Protocol):
    """Runs tasks, several at once where it can. Thread-safe.

    Tasks start in the order of submission as soon as their cpus fit beside what runs. A task that
    could never fit is refused at once. Nothing that a task does, crashing included, raises from
    here: it is told in the `Outcome`. When the executor's process dies, so do its tasks.
    """

    @property
    def isolated(self) -> bool:
        """Whether each task has a process of its own, so that its limits are enforced."""
        ...

    @property
    def cpus(self) -> float:
        """How many cores tasks may use together."""
        ...

    def warm(self, modules: Iterable[str]) -> None:
        """Hint that tasks to come import these modules. Returns at once; unknown names are fine."""
        ...

    def submit(self, task: Task, *, on_message: Emit | None = None) -> Future[Outcome]:
        """Queue a task.

        Args:
            task: What to run.
            on_message: Called with what the function emits, in order, from another thread at times.

        Raises:
            UsageError: It asks for more than the executor has.
            Unavailable: The executor is closed or can't start.
        """
        ...

    def cancel(self, task_id: str, *, grace_s: float = 0.0) -> None:
        """Kill a task, or take it out of the queue; its outcome is `killed`. Finished ones: no-op.

        With a grace, a running task is asked first (SIGTERM) and killed when the grace is over. One
        that returns within it is `done` all the same. An executor that can't ask kills at once.
        """
        ...

    def close(self) -> None:
        """Kill what runs and give everything back. Idempotent."""
        ...
