"""What capacity promises: an attempt starts only with a permit, and a permit is money set aside.

The scheduler asks for a permit before each attempt of a step, and settles it when the attempt is
over. A permit reserves the worst case, so that whatever happens next is paid for already:

    worst = (cpus × cpu rate + gpus × gpu rate of the kind + GiB × memory rate)
            × (time limit + kill grace) × attempts left

It is granted if and only if, at each budget from the step's queue up to the organisation, what is
spent, plus what is reserved, plus `worst`, is at most the cap: in one write transaction, so that no
two askers can both take the last of it. All money is in micro-units (millionths of the currency), and
all of the arithmetic is whole numbers, rounded up.

The model is that of Slurm's `safe` with `GrpTRESRunMins` (limits are held by what jobs *could* use,
not by what they used so far) on a tree like Kueue's cohorts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.build.compute import Resources
    from towpath.core.errors import BudgetRefused

UsageOutcome = Literal["done", "failed", "timeout", "memory", "killed", "preempted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitRequest:
    """One attempt of one step call that would like to start.

    Attributes:
        id: Names the attempt, uniquely for ever: `RUN/CALL/ATTEMPT`. Asking twice with one id is
            asking once.
        project: Whose money it is.
        pipeline: The pipeline's name.
        run_id: The pipeline's run; cost is attributed to it, and through it to the model it makes.
        step: The step function's name: what forecasts learn by.
        attempt: Counted from 1. A preempted attempt counts as one.
        attempts_left: How many more times it may still be executed, this attempt included: 1 + the
            retries that are left. All of them are reserved at once, so a retry never waits for money.
        resources: What it declares. Without a time or memory limit it gets the budget's.
        queue: The project's queue it stands in; empty: directly under the project.
        priority: Higher goes first; None: the queue's.
        checkpointing: Whether it saves its state as it goes, so that little is lost if it is preempted.
        cause: Why the run exists (`manual`, `schedule:NAME`, `erasure:ID`): what spend is told apart by.
    """

    id: str
    project: str
    pipeline: str
    run_id: str
    step: str
    attempt: int = 1
    attempts_left: int = 1
    resources: Resources
    queue: str = ""
    priority: int | None = None
    checkpointing: bool = False
    cause: str = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The attempt may start, now.

    Attributes:
        id: The request's.
        resources: What it must be held to: the declared limits, or the budget's where none was
            declared. The executor enforces these, and what was reserved rests on that.
        reserved_micros: The worst case that was set aside, all attempts left together; 0 without a
            budget.
    """

    id: str
    resources: Resources
    reserved_micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Not now. Ask again, every second or so, with the same id; the place in line is kept meanwhile.

    A place whose holder has not asked for half a minute counts for nobody any more.

    Attributes:
        id: The request's.
        blocker: What it waits for, one line for people: the budget or quota, the arithmetic, and who
            holds it.
        resumes_at: Set when nothing that runs could make room, only the budget's next period (its
            first instant, by the project's clock) or a person who raises the cap. A runner that
            nobody watches then gives its row back until then, rather than keep a worker.
    """

    id: str
    blocker: str
    resumes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Never: it would not fit an empty budget or quota. The error holds the arithmetic; exit code 4."""

    id: str
    error: BudgetRefused


Answer: TypeAlias = Granted | Waits | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an attempt took, once it is confirmed to be over.

    Attributes:
        seconds: Wall time from start to death, grace included. The cost is the declared resources for
            that long.
        cpu_s: Processor time, for the record.
        peak_bytes: Most memory, for the record.
        outcome: How it ended. `preempted` gives everything back; the next attempt stands in line again.
        attempts_left: How many executions may still follow this one: 0 when the call is over. With
            more, and an outcome other than `preempted`, what they may cost passes from this attempt
            to `ATTEMPT + 1` in the same transaction, and that attempt, when it asks, has its permit.
    """

    seconds: float
    cpu_s: float = 0.0
    peak_bytes: int = 0
    outcome: UsageOutcome
    attempts_left: int = 0


class Permits(Protocol):
    """Decides when an attempt may start. Thread-safe and process-safe; one per runner.

    What it granted is on record under the runner's owner name. When a runner dies, its processes die
    with it, and what it held is settled by whoever asks next: at once where its death can be seen
    (this machine), else when the attempts' limits and graces are over, since the supervisor beside
    the processes has killed them by then. Until that moment the worst case stays reserved. A runner
    that lives after all, on a machine that slept, has an hour from then in which its retry's money is
    kept.
    """

    def ask(
        self, requests: Sequence[PermitRequest], *, settled: Mapping[str, Usage] = {}
    ) -> list[Answer]:
        """Ask for several attempts at once; answers come in the same order.

        What `settled` says is over is settled first, as `settle` does it, in the same transaction: so
        a scheduler's turn is one, however many attempts end and begin in it.

        Who goes first: priority, then the project with the least fair-share debt, then first come.
        Whoever comes later may go ahead where that can't delay those in front (backfill). Costs one
        read while nothing changed, else one write transaction for all of them.

        Raises:
            UsageError: A queue or kind of accelerator is not known.
        """
        ...

    def withdraw(self, ids: Sequence[str]) -> None:
        """Leave the line: these attempts are not wanted any more. Unknown and granted ids: no-op."""
        ...

    def wanted_back(self, run_id: str) -> list[str]:
        """Return the granted attempts of a run whose place a higher priority needs. One read.

        The scheduler asks each one to stop, kills it after the grace, and settles it as `preempted`
        once it is dead. Asking again returns those that are not settled yet.
        """
        ...

    def saved(self, permit_id: str) -> None:
        """Note that an attempt saved a checkpoint just now: preempting it would lose less."""
        ...

    def settle(self, permit_id: str, usage: Usage) -> None:
        """Turn a reservation into its real cost, and free the rest. Exactly once; again is a no-op.

        Call it only when the process is confirmed dead, or was never started (`seconds=0`).
        """
        ...


class NoPermits:
    """Everything at once, nothing written: what a project has that declares no budget and no queue."""

    def ask(
        self, requests: Sequence[PermitRequest], *, settled: Mapping[str, Usage] = {}
    ) -> list[Answer]:
        """See `Permits.ask`."""
        del settled
        return [Granted(id=one.id, resources=one.resources) for one in requests]

    def withdraw(self, ids: Sequence[str]) -> None:
        """See `Permits.withdraw`."""

    def wanted_back(self, run_id: str) -> list[str]:
        """See `Permits.wanted_back`."""
        del run_id
        return []

    def saved(self, permit_id: str) -> None:
        """See `Permits.saved`."""

    def settle(self, permit_id: str, usage: Usage) -> None:
        """See `Permits.settle`."""


__all__ = [
    "Answer",
    "Granted",
    "NoPermits",
    "PermitRequest",
    "Permits",
    "Refused",
    "Usage",
    "UsageOutcome",
    "Waits",
]
