"""What the ledger promises about money and places: an append-only account, and who stands in line.

All money is in whole micro-units of the price list's currency. The account is the truth; `balances`
are its sums by budget and day, kept in the same transactions, so that asking what is left costs a few
rows however long the history is. Policy (what fits, who goes first) is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

EntryKind = Literal["reserve", "settle", "release", "adjust"]
PermitState = Literal["waiting", "granted"]
Grouping = Literal["project", "queue", "pipeline", "run", "step", "cause", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """What resources cost. Immutable; a change is the next version.

    Attributes:
        version: Counted from 1.
        rates: Resource to micro-units: `cpu` and `gpu` or `gpu:KIND` per unit and hour, `memory` per
            GiB and hour, `storage` per GiB and month (30 days).
    """

    version: int
    currency: str
    rates: Mapping[str, int]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """A declared budget or queue.

    Attributes:
        name: Its path, as the policy names it.
        project: Who declared it; empty for the organisation.
        spec: Caps and limits, as the policy writes them.
        crossed: Soft limits that were told: period's start to the shares of the cap.
    """

    name: str
    project: str
    spec: Mapping[str, Any]
    crossed: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the account.

    Attributes:
        permit: What it is about: an attempt, or `storage/…`, `adjust/…`. At most one of each kind.
        kind: `reserve` sets aside, `settle` is the real cost, `release` gives back what was set aside
            (always as much as was reserved), `adjust` corrects what was spent, up or down.
        at: Event time.
        day: The day (UTC midnight) whose balance it moves: of an attempt, the day it was admitted on.
        micros: Never negative, but for `adjust`.
        prices: Version of the price list that it was worked out by.
        body: What the amount was worked out from. Never personal data.
        budgets: Every budget whose balance it moves; not stored.
        seq: Its place in the account; 0 before it is there.
    """

    permit: str
    kind: EntryKind
    at: datetime
    day: datetime
    project: str
    queue: str = ""
    pipeline: str = ""
    run: str = ""
    step: str = ""
    cause: str = ""
    micros: int
    prices: int
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    budgets: tuple[str, ...] = ()
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is set aside and what is spent."""

    reserved: int = 0
    spent: int = 0

    @property
    def committed(self) -> int:
        """Both together: what a cap is held against."""
        return self.reserved + self.spent


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitRow:
    """An attempt that waits for its turn or has it.

    Attributes:
        seen_until: Until when a waiting one counts without asking again, by wall time.
        wanted_by: The attempt that a granted one shall make room for.
        saved_at: When a granted one last saved where it is, by wall time; None: not yet.
        body: What the policy keeps of it.
    """

    id: str
    state: PermitState
    project: str
    queue: str
    run: str
    owner: str
    priority: int
    asked_at: datetime
    seen_until: datetime
    wanted_by: str | None = None
    saved_at: datetime | None = None
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Attempts of one queue and priority that wait."""

    priority: int
    project: str
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePoint:
    """Where a step that saves its state would carry on.

    Attributes:
        key: The step's cache key.
        digest: The saved bytes, in the area of the blob store that is theirs.
        attempt: The attempt that saved them.
    """

    key: str
    digest: str
    size_bytes: int
    attempt: str
    at: datetime


class Account(Protocol):
    """Prices, budgets, and what was reserved and spent."""

    def prices(self, version: int | None = None) -> PriceList | None:
        """Return a price list, by default the newest; None where there is none.

        Raises:
            NotFound: There is no such version.
        """
        ...

    def set_prices(self, rates: Mapping[str, int], *, currency: str) -> PriceList:
        """Add the next price list, unless it says what the newest does. Event: `prices.set`."""
        ...

    def budgets(self, names: Sequence[str] | None = None) -> list[BudgetRow]:
        """Return budgets by name, all of them by default, ordered by name; absent ones are left out."""
        ...

    def put_budget(self, name: str, *, project: str, spec: Mapping[str, Any]) -> bool:
        """Declare a budget, or change it; tell whether anything changed. Event: `budget.declared`.

        Its balances are days of the account, so a change of cap or period holds for what was already
        spent too.
        """
        ...

    def drop_budget(self, name: str) -> None:
        """Lift a budget. Event: `budget.lifted`. What was spent stays. Absent ones are fine."""
        ...

    def cross(self, name: str, crossed: Mapping[str, Any]) -> None:
        """Note which soft limits were told. No event: whoever tells appends one."""
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries and move the balances. Event: `account.moved`, one for all of them.

        Raises:
            Conflict: An attempt has an entry of that kind already. The transaction has to be given up.
        """
        ...

    def balances(self, since: Mapping[str, datetime]) -> dict[str, Balance]:
        """Return each budget's balance from a day on, that day included."""
        ...

    def entries(
        self,
        *,
        permit: str | None = None,
        run: str | None = None,
        step: tuple[str, str] | None = None,
        kind: EntryKind | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        """Return entries, newest first; `step` is a project and the name of a step."""
        ...

    def reserved(self, permits: Sequence[str]) -> set[str]:
        """Return for which of these there is a `reserve` in the account. One query."""
        ...

    def totals(
        self,
        by: Sequence[Grouping],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        project: str | None = None,
    ) -> dict[tuple[Any, ...], int]:
        """Return what was spent (settled and adjusted) by some of its properties, largest first.

        Args:
            by: Properties, in the order of the keys' parts.
            since: First day that counts.
            until: First day that does not count any more.
            project: Only this project's.
        """
        ...


class Line(Protocol):
    """Attempts that wait or run, and who used how much lately. No events: the account has them."""

    def find(self, ids: Sequence[str]) -> dict[str, PermitRow]:
        """Return attempts by id; those that are over or were never there are left out."""
        ...

    def put(self, rows: Sequence[PermitRow]) -> None:
        """Add attempts, or replace them."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Take attempts out. Absent ones are fine."""
        ...

    def granted(self, *, run: str | None = None) -> list[PermitRow]:
        """Return every attempt that runs, oldest first."""
        ...

    def groups(self) -> list[Group]:
        """Return who has attempts waiting, still wanted or not, highest priority first.

        Costs a few descents of an index for each, however many wait.
        """
        ...

    def waiting(self, group: Group, *, offset: int, limit: int) -> list[PermitRow]:
        """Return a group's attempts that are still wanted, first come first."""
        ...

    def lapsed(self) -> list[PermitRow]:
        """Return waiting attempts that nobody has asked for in time, at most 1,000. Reads all that wait."""
        ...

    def owners(self) -> list[str]:
        """Return who has attempts that wait or run, each once. Costs a descent of an index for each."""
        ...

    def waiting_for(self, owners: Sequence[str]) -> list[PermitRow]:
        """Return the waiting attempts of some owners, first come first."""
        ...

    def shares(self) -> dict[str, tuple[int, datetime]]:
        """Return what each project had used at some moment, decayed to that moment."""
        ...

    def share(self, project: str) -> tuple[int, datetime] | None:
        """Return one project's of `shares`; None where it never used anything."""
        ...

    def set_share(self, project: str, micros: int, at: datetime) -> None:
        """Replace a project's decayed use."""
        ...

    def resume_point(self, key: str) -> ResumePoint | None:
        """Return where a step would carry on."""
        ...

    def resume_points(self) -> list[ResumePoint]:
        """Return all of them, oldest first."""
        ...

    def set_resume_point(self, key: str, *, digest: str, size_bytes: int, attempt: str) -> None:
        """Replace where a step would carry on."""
        ...

    def drop_resume_points(self, keys: Sequence[str]) -> None:
        """Forget where steps would carry on. Absent ones are fine."""
        ...


__all__ = [
    "Account",
    "Balance",
    "BudgetRow",
    "Entry",
    "EntryKind",
    "Group",
    "Grouping",
    "Line",
    "PermitRow",
    "PermitState",
    "PriceList",
    "ResumePoint",
]
