"""Fair share: who used much lately stands back.

Each project's use is halved every `HALF_LIFE`, as in Slurm's multifactor plug-in; what it holds right
now counts in full. Its debt is that, divided by its share: the project with the smaller debt goes
first. Without decay a project would pay for ever for a busy month; with it, a newcomer doesn't get the
machine to itself for longer than a few half-lives.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from towpath.build.capacity.declaration import project_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from towpath.build.capacity.claims import Claim
    from towpath.build.capacity.limits import Node
    from towpath.ledger.contract import Transaction

HALF_LIFE = timedelta(days=1)


class Debts:
    """What each project owes to the others.

    Args:
        shares: Decayed use by project, and when it was decayed to.
        running: What is granted now.
        nodes: Budgets, for the projects' shares.
        now: Event time.
    """

    def __init__(
        self,
        shares: Mapping[str, tuple[int, datetime]],
        running: Iterable[Claim],
        nodes: Mapping[str, Node],
        now: datetime,
    ) -> None:
        self._nodes = nodes
        self._use: defaultdict[str, float] = defaultdict(float)
        for project, (micros, at) in shares.items():
            self._use[project] = decayed(micros, at, now)
        for claim in running:
            self.add(claim)

    def add(self, claim: Claim) -> None:
        """Count what was just granted."""
        self._use[claim.project] += claim.unit

    def of(self, project: str) -> float:
        """Return a project's debt; 0 for one that used nothing lately."""
        node = self._nodes.get(project_path(project))
        return self._use[project] / (1.0 if node is None else node.share)


def decayed(micros: float, since: datetime, now: datetime) -> float:
    """Return what is left of a use after some time."""
    return micros * 0.5 ** (max(timedelta(0), now - since) / HALF_LIFE)


def record_use(tx: Transaction, project: str, micros: int, now: datetime) -> None:
    """Add what a project used just now to its decayed use."""
    before, at = tx.line.share(project) or (0, now)
    tx.line.set_share(project, round(decayed(before, at, now)) + micros, max(at, now))
