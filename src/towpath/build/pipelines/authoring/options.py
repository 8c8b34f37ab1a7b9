"""How a step is run, apart from what it computes: as it is declared, and as it is meant."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from towpath.build.compute import Resources
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, InvalidSetting

if TYPE_CHECKING:
    from datetime import timedelta

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


class StepArguments(TypedDict, total=False):
    """What `@step(…)` takes; each may be left out. `step` says what they mean."""

    cpus: float
    gpus: float
    gpu_kind: str | None
    memory: str | int | None
    timeout: str | timedelta | None
    grace: str | timedelta
    spread: bool
    cache: bool
    seed: int | None
    files: Sequence[str]
    env: Sequence[str] | Mapping[str, str]
    secrets: Sequence[str]
    retries: int
    backoff: str | timedelta
    inline: bool
    concurrency: int | None
    checkpoint: bool
    queue: str
    priority: int | None


def read_options(
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
) -> StepOptions:
    """Read what was declared.

    Raises:
        InvalidProject: An option can't be meant.
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
    return options


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
