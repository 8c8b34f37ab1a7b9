"""`@step`: a typed function that a pipeline runs once per distinct input."""

from __future__ import annotations

import inspect
import typing
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, overload

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.handles import Handle, current_collector
from towpath.build.pipelines.authoring.options import StepArguments, StepOptions, read_options
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


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
        parameters = self.signature.parameters
        kinds = {parameter.kind for parameter in parameters.values()}
        # Whether each argument may be given by place or by name, as nearly everybody writes it.
        self._is_plain = kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}
        self._names = tuple(parameters)
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
        left = self._names[len(args) :]
        if (
            self._is_plain
            and len(args) + len(kwargs) == len(self._names)
            and kwargs.keys() == set(left)
        ):
            return dict(zip(self._names, (*args, *(kwargs[one] for one in left)), strict=True))
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
def step(**options: Unpack[StepArguments]) -> Callable[[Callable[..., R]], Step[R]]: ...
def step(
    function: Callable[..., R] | None = None, /, **options: Unpack[StepArguments]
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
    read = read_options(**options)
    if function is not None:
        return Step(function, read)
    return lambda decorated: Step(decorated, read)
