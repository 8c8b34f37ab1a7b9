"""The one tree of errors that Towpath raises on purpose.

    TowpathError
    ├── UsageError                 the caller asked for something that can't be meant
    │   ├── InvalidName            a name, reference or duration that doesn't parse
    │   ├── InvalidSetting         an unknown or ill-typed setting
    │   ├── InvalidProject         a project file that can't be loaded or doesn't hang together
    │   └── InvalidRequest         a request body or header that breaks its protocol
    ├── NotFound                   the named thing does not exist
    ├── Conflict                   somebody else got there first; read again and retry
    │   └── FenceLost              this worker's lease was taken over; stop working on it
    ├── SchemaViolation            rows that don't fit the declared schema
    ├── StepFailed                 a pipeline step raised, was killed or ran out of time
    ├── GateRefused                a gate's verdict blocks the model or release
    ├── BudgetRefused              a budget's hard cap would be crossed
    ├── Withdrawn                  the subject has withdrawn; their data is not taken in or served
    ├── IntegrityError             stored bytes or the log are not what was signed or digested
    │   └── CorruptBlob            a blob's bytes don't match its digest
    └── InfrastructureError        disk, database, network: worth a retry
        ├── StorageFull            no space left where the bytes should go
        ├── Unavailable            a service that should answer does not
        ├── Overloaded             queues are full; try again later
        ├── RateLimited            this caller has asked for as much as it may for now
        └── DeadlineExceeded       the caller's time was up before the work was begun

Every error says what is wrong with which thing (`message`) and what to do next (`remedy`), carries
its values as fields, and has a stable `code` that scripts and the HTTP mapping rely on.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class TowpathError(Exception):
    """Base of everything raised on purpose.

    Args:
        message: What is wrong with which thing, one sentence, no trailing full stop needed.
        remedy: What the reader can do about it; empty where nothing can be said.
        **fields: The values involved, JSON-able, for logs and problem documents. Never personal data.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "", **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.fields = fields

    def __str__(self) -> str:
        """Return the message followed by the remedy."""
        return f"{self.message}. {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with keyword fields, so that errors cross process borders whole."""
        return (_rebuild, (type(self), self.message, self.remedy, self.fields))


def _rebuild(
    cls: type[TowpathError], message: str, remedy: str, fields: dict[str, object]
) -> TowpathError:
    return cls(message, remedy=remedy, **fields)


class UsageError(TowpathError):
    """The caller asked for something that can't be meant; nothing was changed."""

    code = "usage"
    exit_code = 2


class InvalidName(UsageError):
    """A name, reference, interval or similar literal does not parse."""

    code = "invalid-name"


class InvalidSetting(UsageError):
    """A setting is unknown or has the wrong type."""

    code = "invalid-setting"


class InvalidProject(UsageError):
    """A project can't be loaded, or its parts don't hang together."""

    code = "invalid-project"


class InvalidRequest(UsageError):
    """A request's headers or body break the protocol they claim."""

    code = "invalid-request"


class NotFound(TowpathError):
    """The named thing does not exist."""

    code = "not-found"

    @classmethod
    def named(cls, kind: str, name: str, known: Iterable[str] = (), *, remedy: str = "") -> Self:
        """Build the error for `name`, suggesting the closest of the `known` names."""
        known = sorted(set(known))
        near = difflib.get_close_matches(name, known, n=1)
        if not remedy and near:
            remedy = f"Did you mean {near[0]!r}?"
        elif not remedy and known:
            remedy = f"Known: {', '.join(known[:8])}{', …' if len(known) > 8 else ''}."
        return cls(f"there is no {kind} {name!r}", remedy=remedy, kind=kind, name=name)


class Conflict(TowpathError):
    """Another writer got there first. Read again, and retry on what is there now."""

    code = "conflict"
    exit_code = 5


class FenceLost(Conflict):
    """This worker's lease was taken over by another; whatever it was doing must stop."""

    code = "fence-lost"


class SchemaViolation(TowpathError):
    """Rows do not fit the declared schema; none of them was stored."""

    code = "schema-violation"


class StepFailed(TowpathError):
    """A pipeline step raised, was killed, or ran out of time or memory."""

    code = "step-failed"


class GateRefused(TowpathError):
    """A gate's verdict blocks the model or the release."""

    code = "gate-refused"
    exit_code = 3


class BudgetRefused(TowpathError):
    """A hard cap would be crossed in the worst case."""

    code = "budget-refused"
    exit_code = 4


class Withdrawn(TowpathError):
    """The subject has withdrawn: their data is not ingested, served, logged or trained on."""

    code = "withdrawn"


class IntegrityError(TowpathError):
    """Stored bytes, a signature or the event log are not what they claim to be."""

    code = "integrity"


class CorruptBlob(IntegrityError):
    """A blob's bytes do not match the digest that names it."""

    code = "corrupt-blob"


class InfrastructureError(TowpathError):
    """Disk, database or network failed. Nothing is half-written; a retry may succeed."""

    code = "infrastructure"
    exit_code = 5


class StorageFull(InfrastructureError):
    """There is no space left where the bytes should go."""

    code = "storage-full"


class Unavailable(InfrastructureError):
    """A service that should answer does not."""

    code = "unavailable"


class Overloaded(InfrastructureError):
    """Queues are full; the caller should back off and try again."""

    code = "overloaded"


class RateLimited(InfrastructureError):
    """The caller has asked for as much as it may for now; `retry_after_s` says when there is more."""

    code = "rate-limited"


class DeadlineExceeded(InfrastructureError):
    """The caller's time was up before the work was begun; nothing was done."""

    code = "deadline-exceeded"
