"""What one turn of the scheduler has to write down: gathered, and recorded in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.planning.calls import Call, Made
    from towpath.ledger.records import NewRun, StepResult


@dataclass(frozen=True, slots=True)
class Hit:
    """A call whose result was in the cache."""

    call: Call
    result: StepResult
    made: Made


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was executed.

    Attributes:
        fence: Of our claim on its key; None where it is never cached, or the claim was lost.
        is_new: Whether nothing was recorded of it before: an inline step begins and ends at once.
    """

    call: Call
    made: Made
    fence: int | None
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An attempt that left no result. Its call may be on its next attempt before this is recorded.

    Attributes:
        run_id: The attempt's run.
        fence: Of our claim on the call's key.
        points: What it logged and nobody has written down yet.
        params: What it logged as parameters.
        stopped: Why it was stopped, where we stopped it.
        is_new: Whether nothing was recorded of it before.
    """

    call: Call
    run_id: str
    status: Literal["failed", "killed"]
    error: str
    log: str | None = None
    fence: int | None = None
    points: tuple[list[Any], ...] = ()
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    stopped: str = ""
    is_new: bool = False

    @classmethod
    def of(
        cls,
        call: Call,
        status: Literal["failed", "killed"],
        error: str,
        *,
        fence: int | None,
        log: str | None = None,
        is_new: bool = False,
    ) -> Lost:
        """Return how a call's present attempt ended."""
        return cls(
            call=call,
            run_id=call.run_id,
            status=status,
            error=error,
            log=log,
            fence=fence,
            points=tuple(call.metrics[call.unsent :]),
            params=dict(call.params),
            stopped=call.stopped,
            is_new=is_new,
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """A driver node's run that is over."""

    run_id: str
    status: Literal["finished", "failed", "killed"]
    error: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    made: tuple[str, ...] = ()


@dataclass(slots=True)
class Turn:
    """Everything that happened since the last transaction, and the claims that are wished for."""

    hits: list[Hit] = field(default_factory=list[Hit])
    done: list[Done] = field(default_factory=list[Done])
    lost: list[Lost] = field(default_factory=list[Lost])
    stale: list[StepResult] = field(default_factory=list["StepResult"])
    opened: list[NewRun] = field(default_factory=list["NewRun"])
    closed: list[Closed] = field(default_factory=list[Closed])
    claims: list[Call] = field(default_factory=list["Call"])

    def __bool__(self) -> bool:
        """Tell whether there is anything to write."""
        return any(
            (self.hits, self.done, self.lost, self.stale, self.opened, self.closed, self.claims)
        )
