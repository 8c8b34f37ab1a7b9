"""What asking a recorded model again promises: the same bits, or where and why not.

Nothing of it is stored. Each reading is an event of the log (`decision.replayed`), appended before anything
is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

Verdict: TypeAlias = Literal["equal", "different", "impossible"]

Impossible: TypeAlias = Literal["redacted", "model-deleted", "failed-then"]
"""Why a decision can't be replayed: its inputs were redacted before they were written; its model's bytes
were deleted; or the model failed at the time, and there is no answer to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReplay:
    """One recorded output beside the replayed one.

    Attributes:
        equal: Whether all 64 bits are.
        ulps: How many doubles lie between the two, 0 where equal; None where one is missing or no number.
    """

    name: str
    recorded: float | None
    replayed: float | None
    equal: bool
    ulps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A distribution that is not what it was; None where it was, or is, not installed."""

    name: str
    then: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The environment that the model was made and judged in, and the one that replays.

    Attributes:
        then: Digest of the recorded lock; None where the model's version names none.
        now: Digest of this process's lock.
        changed: What differs, the libraries that answer first; empty where the lock is not kept any more.
    """

    then: str | None
    now: str
    changed: tuple[Changed, ...] = ()

    @property
    def same(self) -> bool:
        """Whether it is the same environment."""
        return self.then == self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One decision, asked again.

    Attributes:
        form: Which form of the model answered, then and now: it is part of the package's digest.
        asked: `alone`: row by row. `with its request`: together with the rows that were recorded with it,
            where alone the bits differed: a matrix product may round by the size of its batch.
        fields: One per output, in recorded order.
        why: Where impossible.
    """

    decision_id: str
    verdict: Verdict
    service: str
    model: str
    package: str | None
    form: str | None
    asked: Literal["alone", "with its request"] = "alone"
    fields: tuple[FieldReplay, ...] = ()
    environment: Environment | None = None
    why: Impossible | None = None
    reason: str = ""

    @property
    def first_difference(self) -> FieldReplay | None:
        """The first output whose bits differ."""
        return next((one for one in self.fields if not one.equal), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """Many decisions, asked again.

    Attributes:
        impossible: How many could not be, by why.
        different: Those whose bits differ, at most a hundred of them.
    """

    service: str
    replayed: int
    equal: int
    impossible: dict[str, int]
    different: tuple[Replay, ...]

    @property
    def share_equal(self) -> float | None:
        """The bit-equal share of those that could be replayed; None where none could."""
        return self.equal / self.replayed if self.replayed else None


class Replayer(Protocol):
    """Asks recorded models what they answered. Thread-safe; reads, and records that it did."""

    def replay(self, decision_id: str, *, actor: str) -> Replay:
        """Ask the recorded package, in the form that it names, about the recorded inputs.

        Cost: opening the package (tens of milliseconds to a second), then one answer.

        Raises:
            NotFound: The log holds no such decision. It may never have been recorded (its service keeps a
                sample), be gone with its retention, or be erased.
            IntegrityError: The model's version or package is not what was signed.
        """
        ...

    def replay_many(
        self,
        service: str,
        *,
        actor: str,
        since: datetime | None = None,
        until: datetime | None = None,
        sample: int | None = None,
    ) -> Replays:
        """Replay a service's decisions of a span of event time; packages are opened once.

        Args:
            service: Whose.
            actor: Who asks.
            since: Event time from which on; `until` the one before which.
            until: See `since`.
            sample: So many of them, chosen by a hash of their ids: the same ones each time. None: all.
        """
        ...


__all__ = [
    "Changed",
    "Environment",
    "FieldReplay",
    "Impossible",
    "Replay",
    "Replayer",
    "Replays",
    "Verdict",
]
