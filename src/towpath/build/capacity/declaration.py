"""The declarations of capacity: what a project may spend, and in which line its pipelines stand."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from towpath.build.capacity.money import parse_money
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, TowpathError
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_PERIODS = ("day", "week", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a budget and a queue have in common.

    Attributes:
        usd_per_day: Hard cap for each day (UTC), by the project's clock. Give at most one of the three;
            without one, spend is only recorded.
        usd_per_week: Hard cap for each week, from Monday on.
        usd_per_month: Hard cap for each calendar month.
        warn: Shares of the cap at which spending is told, once per crossing.
        cpus: How many cores its steps may occupy at once; None: as many as there are.
        gpus: Likewise accelerators.
        steps: How many of its steps may run at once.
        step_timeout: Time limit of steps that declare none. A cap can only be kept where every step has
            an end.
        step_memory: Memory limit of steps that declare none, such as `4 GiB`; None: they are neither
            limited nor charged for memory.
    """

    usd_per_day: float | None = None
    usd_per_week: float | None = None
    usd_per_month: float | None = None
    warn: Sequence[float] = (0.8,)
    cpus: float | None = None
    gpus: float | None = None
    steps: int | None = None
    step_timeout: str | None = None
    step_memory: str | int | None = None

    def _check(self, what: str) -> None:
        caps = [self.usd_per_day, self.usd_per_week, self.usd_per_month]
        if sum(cap is not None for cap in caps) > 1:
            raise InvalidProject(
                f"{what} has caps for more than one period", remedy="Keep one of them."
            )
        if any(not 0 < share <= 1 for share in self.warn):
            raise InvalidProject(
                f"{what} warns at {list(self.warn)}", remedy="Write shares of the cap, like 0.8."
            )
        for name in ("cpus", "gpus", "steps"):
            limit: float | None = getattr(self, name)
            if limit is not None and limit <= 0:
                raise InvalidProject(
                    f"{what} lets nothing run: {name}={limit}",
                    remedy="Make it above 0, or leave it out for no limit.",
                )
        try:
            self._describe()
        except TowpathError as error:
            raise InvalidProject(f"{what}: {error.message}", remedy=error.remedy) from error

    def _describe(self) -> dict[str, Any]:
        spec: dict[str, Any] = {"warn": sorted(set(self.warn))}
        for period in _PERIODS:
            cap: float | None = getattr(self, f"usd_per_{period}")
            if cap is not None:
                spec |= {"period": period, "cap_micros": parse_money(cap, f"usd_per_{period}")}
        for name in ("cpus", "gpus", "steps"):
            limit: float | None = getattr(self, name)
            if limit is not None:
                spec[f"{name}_milli"] = round(limit * 1000)
        if self.step_timeout is not None:
            spec["step_timeout_s"] = parse_duration(self.step_timeout).total_seconds()
        if self.step_memory is not None:
            spec["step_memory_bytes"] = parse_bytes(self.step_memory)
        return spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Limits):
    """What a project, or the whole organisation, may spend.

    Attributes:
        share: Weight in the fair share between projects: a project of share 2 may use twice as much
            as one of share 1 before it has to stand back.
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a budget that can't be meant."""
        self._check("the budget")
        if self.share <= 0:
            raise InvalidProject(f"the budget's share is {self.share}", remedy="Make it above 0.")

    def describe(self) -> dict[str, Any]:
        """Return it as plain JSON values, as it is stored."""
        return {**self._describe(), "share": self.share}


@dataclass(frozen=True, slots=True)
class Queue(Limits):
    """A line in which some of a project's pipelines stand, with a priority and limits of its own.

    Attributes:
        name: Unique among the project's queues.
        pipelines: Names of the pipelines that stand in it, or the pipelines. Others stand in none.
        priority: Higher goes first, across all projects.
        preemptible: Whether a step in it that saves checkpoints may be stopped, and carried on later,
            to make room for one of higher priority.
    """

    name: str
    _: KW_ONLY
    pipelines: Sequence[Any] = field(default=())
    priority: int = 0
    preemptible: bool = True

    def __post_init__(self) -> None:
        """Refuse a queue that can't be meant."""
        check_name(self.name, "queue name")
        self._check(f"queue {self.name!r}")

    @property
    def pipeline_names(self) -> tuple[str, ...]:
        """The names of its pipelines."""
        return tuple(
            one if isinstance(one, str) else str(getattr(one, "name", one))
            for one in self.pipelines
        )

    def describe(self) -> dict[str, Any]:
        """Return it as plain JSON values, as it is stored."""
        return {
            **self._describe(),
            "pipelines": list(self.pipeline_names),
            "priority": self.priority,
            "preemptible": self.preemptible,
        }


def parse_bytes(text: str | int) -> int:
    """Read a size such as `512 MB` or `4 GiB`.

    Raises:
        InvalidProject: It is not a number above zero and a unit.
    """
    if isinstance(text, int):
        size = text
    else:
        match = _BYTES.fullmatch(text.strip().lower())
        size = int(float(match[1]) * _UNITS[match[2]]) if match and match[2] in _UNITS else 0
    if size <= 0:
        raise InvalidProject(f"{text!r} is not a size", remedy="Write for example '4 GiB'.")
    return size


def budget_specs(
    project: str, budget: Budget | None, queues: Sequence[Queue]
) -> Mapping[str, dict[str, Any]]:
    """Return every budget that a project declares, by its path. Queues alone imply a plain budget."""
    if budget is None and not queues:
        return {}
    specs = {project_path(project): (budget or Budget()).describe()}
    return specs | {queue_path(project, one.name): one.describe() for one in queues}


ORGANISATION = "organisation"
"""Path of the budget that all projects share."""


def project_path(project: str) -> str:
    """Return the path of a project's budget."""
    return f"project/{project}"


def queue_path(project: str, queue: str) -> str:
    """Return the path of a queue."""
    return f"project/{project}/queue/{queue}"


def path_of(project: str, queue: str) -> tuple[str, ...]:
    """Return the budgets that an attempt counts against, the closest first."""
    own = (queue_path(project, queue),) if queue else ()
    return (*own, project_path(project), ORGANISATION)
