"""How many calls of a step may run at once in a project, whatever run or machine they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.ledger.owners import is_dead

if TYPE_CHECKING:
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.running.leases import LeaseKeeper
    from towpath.ledger import Ledger
    from towpath.ledger.records import Execution


class Slots:
    """Takes and gives back one of a step's numbered places. Used by one run, from one thread.

    A place is a row beside the cache's, `slot:PROJECT:STEP:NUMBER`, that is claimed, renewed, fenced
    and released like a key, and never filled. So a place that a killed process held is free at once on
    the same machine, and after the lease elsewhere.

    Args:
        ledger: Where the rows are.
        leases: What renews them.
        project: The project.
        run_id: The pipeline's run, by which others learn who holds a place.
        owner: As of the run's other claims.
    """

    def __init__(
        self, ledger: Ledger, leases: LeaseKeeper, *, project: str, run_id: str, owner: str
    ) -> None:
        self._ledger = ledger
        self._leases = leases
        self._project = project
        self._run_id = run_id
        self._owner = owner
        self._held: set[str] = set()

    def take(self, step: Step[object]) -> str | None:
        """Take a place of a step that has a limit; return its key, None while all are taken."""
        limit = step.options.concurrency
        assert limit is not None
        keys = [f"slot:{self._project}:{step.path}:{number}" for number in range(limit)]
        for key in keys:
            if key not in self._held and self._claim(key, step):
                return key
        return None

    def give_back(self, key: str) -> None:
        """Free a place."""
        self._held.discard(key)
        fence = self._leases.let_go(key)
        if fence is not None:
            with self._ledger.write(actor="pipelines") as tx:
                tx.cache.drop(key, fence=fence)

    def _claim(self, key: str, step: Step[object]) -> bool:
        held = self._ask(key, step)
        if held.run_id != self._run_id and self._is_orphan(held):
            held = self._ask(key, step)
        if held.run_id != self._run_id:
            return False
        self._held.add(key)
        self._leases.hold(key, held.fence)
        return True

    def _ask(self, key: str, step: Step[object]) -> Execution:
        with self._ledger.write(actor="pipelines") as tx:
            return tx.cache.claim(
                key,
                step=f"slot:{step.path}",
                parts={},
                run_id=self._run_id,
                owner=self._owner,
                lease_s=self._leases.lease_s,
            )

    def _is_orphan(self, held: Execution) -> bool:
        """Tell whether the holder is known to be dead; if so, what it held is free now."""
        with self._ledger.write(actor="pipelines") as tx:
            try:
                owner = tx.runs.get(held.run_id).tags.get("owner", "")
            except NotFound:
                return False
            if not is_dead(owner):
                return False
            tx.cache.release(owner)
            return True
