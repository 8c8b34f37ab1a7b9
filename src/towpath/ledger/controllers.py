"""The loop that turns desired state into effects: claim a row, reconcile it one step, repeat."""

from __future__ import annotations

import random
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import structlog

from towpath.core.errors import FenceLost, TowpathError, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import DueRows, Intent

_log = structlog.get_logger()
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 60.0


class Reconciler(Protocol):
    """Brings rows of some kinds one step closer to what they ask for.

    A step must be safe to repeat: the process can die at any point of it. What is slow and repeatable
    comes first, outside any transaction; then one `ledger.write()` holds the effects *and*
    `tx.intents.advance(held, …)`, so that both happen or neither, and only while the lease is ours.
    """

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of rows it takes."""
        ...

    def reconcile(self, held: Intent) -> None:
        """Take one step on a row whose lease we hold, and advance it.

        Raises:
            FenceLost: The lease was taken over; the loop goes on to other rows.
            Exception: Anything else is logged and the row is tried again later, with back-off.
        """
        ...


class Order(Protocol):
    """Decides whose turn it is, inside the transaction that claims."""

    def __call__(self, tx: Transaction, kinds: Sequence[str], /) -> DueRows | None:
        """Return one of `tx.intents.due(kinds)`; None where nothing is due."""
        ...


class ControllerLoop:
    """Claims due rows and hands each to its reconciler, one at a time, renewing the lease meanwhile.

    Run as many loops as you like, in any number of threads and processes; give each its own `owner`.
    A loop is busy while a reconciler works, so a kind whose steps take minutes wants a loop of its own.

    Args:
        ledger: Where the rows are.
        reconcilers: One per kind.
        owner: Names this worker, uniquely among all that live at the same time.
        lease_s: How long a row stays with a worker that died.
        poll_s: The longest wait between two looks for due rows.
        order: Says whose row to claim next, of those that are due; first come first served when None.
    """

    def __init__(
        self,
        ledger: Ledger,
        reconcilers: Iterable[Reconciler],
        *,
        owner: str,
        lease_s: float = 15.0,
        poll_s: float = 0.1,
        order: Order | None = None,
    ) -> None:
        self._ledger = ledger
        self._owner = owner
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._order = order
        self._reconcilers: dict[str, Reconciler] = {}
        for reconciler in reconcilers:
            for kind in reconciler.kinds:
                if kind in self._reconcilers:
                    raise UsageError(f"two reconcilers take rows of kind {kind!r}")
                self._reconcilers[kind] = reconciler
        self._failures: dict[tuple[str, str], int] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; the step under way is finished first.

        A database that is away is waited for, with back-off; the loop never ends on an error of ours.
        """
        outages = 0
        while not stop.is_set():
            try:
                worked = self.step()
                outages = 0
            except TowpathError as error:
                outages += 1
                wait_s = _backoff_s(outages)
                _log.warning(
                    "controller.waiting", owner=self._owner, error=str(error), wait_s=wait_s
                )
                stop.wait(wait_s)
                continue
            if not worked:
                stop.wait(self._poll_s)

    def step(self) -> bool:
        """Claim one due row and reconcile it once. Return False when nothing was due."""
        kinds = tuple(self._reconcilers)
        # Looking first keeps idle workers out of the line of writers.
        with self._ledger.read() as tx:
            if not tx.intents.is_due(kinds):
                return False
        with self._ledger.write(actor=self._owner) as tx:
            among = None if self._order is None else self._order(tx, kinds)
            held = tx.intents.claim(kinds, owner=self._owner, lease_s=self._lease_s, among=among)
        if held is None:
            return False
        with self._lease_kept(held):
            self._reconcile(held)
        return True

    def _reconcile(self, held: Intent) -> None:
        row = (held.kind, held.name)
        try:
            self._reconcilers[held.kind].reconcile(held)
        except FenceLost:
            _log.info("intent.lost", kind=held.kind, name=held.name, fence=held.fence)
            return
        except Exception as error:  # noqa: BLE001 -- one broken row must not stop the others
            self._failures[row] = self._failures.get(row, 0) + 1
            _log.warning("intent.failed", kind=held.kind, name=held.name, **_describe(error))
            self._put_back(held)
            return
        if self._put_back(held):
            _log.error("intent.unadvanced", kind=held.kind, name=held.name)
        else:
            self._failures.pop(row, None)

    def _put_back(self, held: Intent) -> bool:
        """Release a row that is still ours, for a later try. Return whether it was."""
        with self._ledger.read() as tx:
            row = tx.intents.find(held.kind, held.name)
        if row is None or (row.fence, row.owner) != (held.fence, held.owner):
            return False
        wait_s = _backoff_s(self._failures.get((held.kind, held.name), 1))
        try:
            with self._ledger.write(actor=self._owner) as tx:
                tx.intents.advance(held, due_in_s=wait_s)
        except FenceLost:
            return False
        return True

    @contextmanager
    def _lease_kept(self, held: Intent) -> Generator[None]:
        done = threading.Event()
        keeper = threading.Thread(
            target=self._keep, args=(held, done), name=f"lease-{held.kind}", daemon=True
        )
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _keep(self, held: Intent, done: threading.Event) -> None:
        while not done.wait(self._lease_s / 3):
            try:
                with self._ledger.write(actor=self._owner) as tx:
                    tx.intents.renew(held, lease_s=self._lease_s)
            except FenceLost:
                return
            except TowpathError as error:
                _log.warning("lease.unrenewed", kind=held.kind, name=held.name, error=str(error))


def _describe(error: Exception) -> dict[str, str]:
    """Return what a log may hold of an error: a foreign one's message could quote somebody's data."""
    if isinstance(error, TowpathError):
        return {"error": str(error)}
    *_, last = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": f"{last.filename}:{last.lineno} in {last.name}"}


def _backoff_s(failures: int) -> float:
    """Return the wait after so many failures in a row: doubling, capped, with jitter."""
    longest = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads retries, guards nothing


__all__ = ["ControllerLoop", "Order", "Reconciler"]
