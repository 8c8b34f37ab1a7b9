"""What the ledger promises about work: what should be done, and who alone is doing it.

Both facets lend rows by lease. A lease has a fence that rises with every claim, and whoever holds an
old fence can change nothing: a worker that slept through its lease does no harm when it wakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from towpath.ledger.records import (
        Claim,
        DueRows,
        Execution,
        Filling,
        Intent,
        StepResult,
    )


NewRow: TypeAlias = "tuple[Mapping[str, object], str, Mapping[str, object]]"
"""What a row begins with: its spec, phase and status."""


class Intents(Protocol):
    """Desired state and the leases on it. Claims and renewals leave no event; changes do."""

    def put(
        self,
        kind: str,
        name: str,
        *,
        project: str,
        spec: Mapping[str, object],
        phase: str = "new",
        status: Mapping[str, object] | None = None,
        due: bool = True,
        priority: int | None = None,
    ) -> Intent:
        """Create the row, or replace its spec. Event: `intent.declared` when the spec is new.

        An existing row keeps its phase and status; a changed spec raises `generation` and makes it due.
        `phase` and `status` only seed a new row. `due=False` stores plain state that nobody claims.
        `priority` is 0 for a new row and stays as it is for another, unless it is given.
        """
        ...

    def add_all(
        self,
        kind: str,
        rows: Mapping[str, NewRow],
        *,
        project: str,
        due: bool = True,
    ) -> None:
        """Create many rows by name, in as many statements as one. Events: `intent.declared` for each.

        None of them may be there: whoever adds has looked, in this transaction.
        """
        ...

    def find_all(self, kind: str, names: Collection[str]) -> dict[str, Intent]:
        """Return those of many rows that there are, by name."""
        ...

    def get(self, kind: str, name: str) -> Intent:
        """Return the row. Raises `NotFound`."""
        ...

    def find(self, kind: str, name: str) -> Intent | None:
        """Return the row or None."""
        ...

    def list(
        self,
        kind: str | None = None,
        *,
        project: str | None = None,
        phases: Sequence[str] | None = None,
        prefix: str | None = None,
        newest_first: bool = False,
        limit: int | None = 1000,
    ) -> list[Intent]:
        """Return rows, oldest first; with `prefix` those whose name begins with it."""
        ...

    def count(self, kind: str, *, prefix: str | None = None) -> dict[str, int]:
        """Return how many rows of a kind are in each phase, without reading them."""
        ...

    def claim(
        self,
        kinds: Sequence[str],
        *,
        owner: str,
        lease_s: float,
        among: DueRows | None = None,
    ) -> Intent | None:
        """Take the lease of the row that has been due longest and is held by nobody living.

        With `among`, which `due` returned, only of its project and priority. Raises the row's fence. Two workers never hold the same row: the older fence can't advance it.
        """
        ...

    def renew(self, held: Intent, *, lease_s: float) -> None:
        """Extend the lease. Raises `FenceLost` if it was taken over."""
        ...

    def advance(
        self,
        held: Intent,
        *,
        phase: str | None = None,
        status: Mapping[str, object] | None = None,
        due_in_s: float | None = None,
        keep: bool = False,
    ) -> Intent:
        """Record one step of a claimed row, in the same transaction as the step's effects.

        Event: `intent.moved` when the phase changes. Releases the lease unless `keep`.

        `status` replaces the old one when given. `due_in_s` says when to look again, in wall seconds
        from now; None: only when the spec changes or somebody calls `wake`, and if that happened
        since the claim, at once.

        Raises:
            FenceLost: The row was claimed by somebody else meanwhile; the whole transaction must fail.
        """
        ...

    def is_due(self, kinds: Sequence[str]) -> bool:
        """Tell whether `claim` would return a row, without standing in line for it."""
        ...

    def due(self, kinds: Sequence[str]) -> list[DueRows]:
        """Return which projects have rows that `claim` could take, highest priority first.

        For a caller that decides whose turn it is. Costs a scan of the due rows' index.
        """
        ...

    def report(
        self, kind: str, name: str, *, status: Mapping[str, object], phase: str | None = None
    ) -> None:
        """Replace the status of plain state that nobody claims (a heartbeat), without an event.

        Event: `intent.moved` where `phase` is another than the row's.

        Raises:
            NotFound: There is no such row.
            Conflict: A worker holds the row; only its `advance` may change the status.
        """
        ...

    def release(self, owner: str) -> int:
        """Give back every lease of an owner that is known to be dead, and return how many.

        Without it they become free when the lease runs out; the fences stay, so a mistake is safe.
        """
        ...

    def wake(self, kind: str, name: str) -> None:
        """Make a row due now, or again right after the step that is under way. Absent rows are fine."""
        ...

    def delete(self, kind: str, name: str) -> None:
        """Remove the row. Event: `intent.deleted`. Absent rows are fine."""
        ...


class Cache(Protocol):
    """Which steps have been executed, and who is executing which: one execution per key."""

    def look(self, key: str) -> Execution | None:
        """Return the finished execution of a key."""
        ...

    def look_all(self, keys: Sequence[str]) -> dict[str, StepResult]:
        """Return the results of those of many keys that have one, by key, in a handful of statements."""
        ...

    def results_of(self, run_id: str) -> dict[str, StepResult]:
        """Return the results that a run's children stand for, by their names: two queries.

        It is what a run of the same pipeline is likely to use again. Children that stand for the same
        execution share one object.
        """
        ...

    def look_ahead(self, run_id: str) -> dict[str, Execution]:
        """Return the finished executions that a run's children stand for, by their names: one query.

        It is what a run of the same pipeline differs from.
        """
        ...

    def claim_all(
        self, claims: Sequence[Claim], *, owner: str, lease_s: float
    ) -> dict[str, Execution]:
        """Do what `claim` does for many different keys, in a handful of statements; by key."""
        ...

    def fill_all(self, fillings: Sequence[Filling]) -> list[str]:
        """Do what `fill` does for many keys, in a handful of statements.

        Returns:
            The keys whose claim was lost meanwhile, of which nothing was recorded.
        """
        ...

    def claim(
        self,
        key: str,
        *,
        step: str,
        parts: Mapping[str, str],
        run_id: str,
        owner: str,
        lease_s: float,
    ) -> Execution:
        """Return the finished execution, or take the key and return it as `running` with our `run_id`.

        A `running` execution with another `run_id` means somebody living is on it: wait and ask again.
        """
        ...

    def renew(self, key: str, *, fence: int, lease_s: float) -> None:
        """Extend a claim. Raises `FenceLost` if it was taken over."""
        ...

    def fill(self, key: str, *, fence: int, outputs: Mapping[str, object]) -> Execution:
        """Record the outputs of a claimed key. Event: `step.cached`. Raises `FenceLost`."""
        ...

    def drop(self, key: str, *, fence: int | None = None) -> None:
        """Forget a key: its execution failed, or its outputs are gone. With `fence`, only our claim."""
        ...

    def release(self, owner: str) -> int:
        """Free every unfinished claim of an owner that is known to be dead; return how many."""
        ...

    def last(self, step: str) -> Execution | None:
        """Return the newest finished execution of a step, to explain a miss against."""
        ...

    def using(self, digests: Sequence[str]) -> list[Execution]:
        """Return finished executions whose `parts` or outputs mention any of these digests."""
        ...


__all__ = ["Cache", "Intents"]
