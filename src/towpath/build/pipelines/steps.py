"""`@step`: a typed function that a pipeline runs once per distinct input."""

from __future__ import annotations

import inspect
import os
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from towpath.assets.datasets import Selection
from towpath.build.compute import Resources
from towpath.build.pipelines.handles import Handle, current_collector
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

R = TypeVar("R")
_BACKOFF_MOST_S = 900.0
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)\s*")
_UNITS = {
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """How a step is run, apart from what it computes.

    Attributes:
        resources: Its limits. Changing them does not make cached results stale.
        cache: Whether equal inputs may share one result.
        seed: What Python's, numpy's and polars' generators start from; None leaves them random.
        files: Paths in the project's folder that the step reads; their content is part of its key.
        env: Environment variables that the step reads; their values are part of its key.
        given: Environment variables that the step is given these values of; part of its key too.
        secrets: Environment variables whose values it is given and that are recorded nowhere: a new
            password makes no result stale.
        retries: How many more times it is tried when it fails.
        backoff_s: What the first of them waits; each further one waits twice as long.
        inline: Whether it runs in the runner's own process.
        concurrency: Most calls of it at once in the project, over all runs and machines.
        checkpoint: Whether it saves its state as it goes, so that it may be preempted.
        queue: The project's queue that its attempts stand in.
        priority: Higher goes first; None: the queue's.
    """

    resources: Resources = field(default_factory=Resources)
    cache: bool = True
    seed: int | None = 0
    files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: tuple[str, ...] = ()
    retries: int = 0
    backoff_s: float = 1.0
    inline: bool = False
    concurrency: int | None = None
    checkpoint: bool = False
    queue: str = ""
    priority: int | None = None

    def environment(self) -> dict[str, str | None]:
        """Return the variables that are part of the key, as they are in this process; None: unset."""
        return {**{name: os.environ.get(name) for name in self.env}, **self.given}

    def environment_given(self) -> dict[str, str]:
        """Return the variables that its process is given, secrets included. Never record these.

        Raises:
            InvalidSetting: A secret is not set where the run is started.
        """
        missing = [name for name in self.secrets if name not in os.environ]
        if missing:
            raise InvalidSetting(
                f"the secret {missing[0]!r} is not set where this run was started",
                remedy="Set that environment variable for whoever runs pipelines: the worker, CI.",
            )
        known = {name: value for name, value in self.environment().items() if value is not None}
        return {**known, **{name: os.environ[name] for name in self.secrets}}

    def wait_s(self, failures: int) -> float:
        """Return how long to wait before trying again after so many failures. No jitter: repeatable."""
        return min(self.backoff_s * 2.0 ** (failures - 1), _BACKOFF_MOST_S)


class Step(Generic[R]):
    """A step. Called in a pipeline it joins the graph; called anywhere else it just runs.

    Attributes:
        function: The function itself, for tests and debuggers.
        name: The function's name.
        options: How it is run.
    """

    def __init__(self, function: Callable[..., R], options: StepOptions) -> None:
        update_wrapper(self, function)
        if "<locals>" in function.__qualname__ or "." in function.__qualname__:
            raise InvalidProject(
                f"step {function.__qualname__!r} is not at the top of its module",
                remedy="Define it there, so that another process can import it.",
            )
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise InvalidProject(
                f"step {function.__name__!r} is a coroutine or generator",
                remedy="Write a plain function that returns its result.",
            )
        self.function = function
        self.name = function.__name__
        self.options = options
        self.signature = inspect.signature(function)
        self._types: dict[str, Any] | None = None
        for parameter in self.signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise InvalidProject(
                    f"step {self.name!r} takes *{parameter.name}",
                    remedy="Name each parameter: names are part of what is recorded.",
                )

    @property
    def module(self) -> str:
        """The module that defines it."""
        return self.function.__module__

    @property
    def path(self) -> str:
        """`module.name`: what the cache and the ledger call it."""
        return f"{self.module}.{self.name}"

    @property
    def types(self) -> dict[str, Any]:
        """Parameter names (and `return`) to the types they are annotated with.

        Raises:
            InvalidProject: An annotation can't be resolved, or the result has none.
        """
        if self._types is None:
            try:
                self._types = typing.get_type_hints(self.function)
            except Exception as error:
                raise InvalidProject(
                    f"the types of step {self.name!r} can't be read: {error}",
                    remedy="Import what they name outside `if TYPE_CHECKING`: they say how inputs "
                    "are read and results are stored.",
                ) from error
            if "return" not in self._types:
                raise InvalidProject(
                    f"step {self.name!r} does not say what it returns",
                    remedy="Annotate it, for instance `-> pl.DataFrame`.",
                )
        return self._types

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return arguments by name with defaults filled in.

        Raises:
            InvalidProject: They don't fit the function.
        """
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InvalidProject(
                f"step {self.name!r} can't be called like this: {error}",
                remedy=f"It is {self.name}{self.signature}.",
            ) from error
        bound.apply_defaults()
        return dict(bound.arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Run the function, or, inside a pipeline, add it to the graph and return a handle.

        The handle is typed as the function's result so that editors know what follows; arguments may
        be handles, selections of data sets, or plain values.
        """
        collector = current_collector()
        if collector is not None:
            return typing.cast(R, collector.add(self, self.bind(args, kwargs)))
        for one in (*args, *kwargs.values()):
            if isinstance(one, Selection | Handle):
                raise InvalidProject(
                    f"step {self.name!r} was given {one} outside of a pipeline",
                    remedy="Call it inside a @pipeline function, or pass it a table.",
                )
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<step {self.path}{self.signature}>"


@overload
def step(function: Callable[..., R], /) -> Step[R]: ...
@overload
def step(
    *,
    cpus: float = ...,
    gpus: float = ...,
    gpu_kind: str | None = ...,
    memory: str | int | None = ...,
    timeout: str | timedelta | None = ...,
    grace: str | timedelta = ...,
    spread: bool = ...,
    cache: bool = ...,
    seed: int | None = ...,
    files: Sequence[str] = ...,
    env: Sequence[str] | Mapping[str, str] = ...,
    secrets: Sequence[str] = ...,
    retries: int = ...,
    backoff: str | timedelta = ...,
    inline: bool = ...,
    concurrency: int | None = ...,
    checkpoint: bool = ...,
    queue: str = ...,
    priority: int | None = ...,
) -> Callable[[Callable[..., R]], Step[R]]: ...
def step(
    function: Callable[..., R] | None = None,
    /,
    *,
    cpus: float = 1,
    gpus: float = 0,
    gpu_kind: str | None = None,
    memory: str | int | None = None,
    timeout: str | timedelta | None = None,
    grace: str | timedelta = "10s",
    spread: bool = False,
    cache: bool = True,
    seed: int | None = 0,
    files: Sequence[str] = (),
    env: Sequence[str] | Mapping[str, str] = (),
    secrets: Sequence[str] = (),
    retries: int = 0,
    backoff: str | timedelta = "1s",
    inline: bool = False,
    concurrency: int | None = None,
    checkpoint: bool = False,
    queue: str = "",
    priority: int | None = None,
) -> Step[R] | Callable[[Callable[..., R]], Step[R]]:
    """Make a top-level function a step.

    Its annotations say how inputs are handed over (a table comes as `pl.DataFrame`, `pl.LazyFrame` or
    `pa.Table`, as you like) and how the result is kept. `tuple[A, B]` makes two results,
    `tuple[pl.DataFrame, ...]` any number of them.

    Args:
        function: The function, when used without parentheses.
        cpus: Cores it counts for, and threads that numeric libraries get; a fraction shares one.
        gpus: Accelerators it counts for.
        gpu_kind: Which accelerator it must be, such as `A100`.
        memory: Most memory it may hold, such as `2GiB`; it is killed beyond that.
        timeout: Longest it may run, such as `5m`; it is killed after that.
        grace: What it is given to save where it is when it is asked to stop, before it is killed.
        spread: Whether its cpus may lie on several machines: it hands them out with `tp.cluster`.
        cache: Whether a result may be used again for equal code and inputs.
        seed: Seeds Python's, numpy's and polars' generators; None leaves them random.
        files: Files of the project that it reads; changing one makes it run again.
        env: Environment variables that it reads, or reads and what they are to be; changing one makes
            it run again.
        secrets: Environment variables that it is handed as they are where the run was started, and
            that nothing records: for passwords and tokens.
        retries: How many more times to try when it fails.
        backoff: What the first retry waits; each further one waits twice as long, 15 minutes at most.
        inline: Run it in the runner's own process: for work of milliseconds, where a process of its
            own costs more than the work. Its result is recorded all the same.
        concurrency: Most calls of it at once in the project, whatever run or machine they belong to.
        checkpoint: It calls `checkpoint(…)`, so it may be preempted and goes on from there.
        queue: The project's queue that it stands in.
        priority: Higher goes first; by default its queue's.

    Raises:
        InvalidProject: The function can't be a step, or an option can't be meant.
    """
    options = StepOptions(
        resources=Resources(
            cpus=cpus,
            gpus=gpus,
            gpu_kind=gpu_kind,
            memory_bytes=None if memory is None else parse_size(memory),
            timeout_s=None if timeout is None else parse_duration(timeout).total_seconds(),
            grace_s=parse_duration(grace).total_seconds(),
            spread=spread,
        ),
        cache=cache,
        seed=seed,
        files=tuple(files),
        env=() if isinstance(env, Mapping) else tuple(env),
        given=dict(env) if isinstance(env, Mapping) else {},
        secrets=tuple(secrets),
        retries=retries,
        backoff_s=parse_duration(backoff).total_seconds(),
        inline=inline,
        concurrency=concurrency,
        checkpoint=checkpoint,
        queue=queue,
        priority=priority,
    )
    _check(options)
    if function is not None:
        return Step(function, options)
    return lambda decorated: Step(decorated, options)


def _check(options: StepOptions) -> None:
    """Refuse options that can't be meant."""
    resources = options.resources
    limited = (
        resources.gpus
        or resources.memory_bytes
        or resources.timeout_s
        or resources.spread
        or options.checkpoint
        or options.secrets
        or options.given
    )
    wrong = {
        f"{resources.cpus} cpus": (resources.cpus <= 0, "Give it some, such as cpus=0.5."),
        f"{resources.gpus} gpus": (resources.gpus < 0, "Give it none, or some."),
        f"retries={options.retries}": (options.retries < 0, "Leave it out, or give a number."),
        f"concurrency={options.concurrency}": (
            options.concurrency is not None and options.concurrency < 1,
            "Let at least one call run.",
        ),
        "inline=True and limits or an environment of its own": (
            options.inline and bool(limited),
            "Those hold for a process of its own: leave out inline.",
        ),
    }
    for what, (is_wrong, remedy) in wrong.items():
        if is_wrong:
            raise InvalidProject(f"a step can't have {what}", remedy=remedy)


def parse_size(text: str | int) -> int:
    """Read a number of bytes such as `512MiB` or `2GB`.

    Raises:
        InvalidSetting: It is not a positive number and a unit.
    """
    match = None if isinstance(text, int) else _SIZE.fullmatch(text)
    size = text if isinstance(text, int) else 0
    if match is not None:
        size = int(float(match[1]) * _UNITS[match[2]])
    if size <= 0:
        raise InvalidSetting(f"{text!r} is not a size", remedy="Write for example '2GiB'.")
    return size
