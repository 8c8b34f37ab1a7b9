"""How many withdrawals a caller may bring in a minute, kept in the ledger for all processes together.

The generic cell rate algorithm (ITU-T I.371), which keeps one moment a caller: by when what was taken
would have come at the allowed rate. A caller may be a minute ahead of it, so a minute's worth may come at
once. A batch is let in as long as there is room at all, however large it is, and then paid back: so none
is too large to be ever let in, and in the long run the rate holds.

It is read and written in the transaction that takes the withdrawals: whatever is refused was not
recorded, nobody in it is suppressed, and the caller is told when to come again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from towpath.core.errors import RateLimited
from towpath.trace.erasure.state import PROJECT

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

KIND = "withdrawal_rate"
_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit on what one caller brings.

    Attributes:
        per_minute: How many withdrawals; 0 is no limit.
        most: How many a call brings at most. Nobody can be further ahead than a minute and that: what is
            kept of a clock which was set back since counts for nothing, so that it locks nobody out.
    """

    per_minute: int
    most: int

    def take(self, tx: Transaction, caller: str, count: int, *, now: datetime) -> None:
        """Take so many from a caller's allowance.

        Raises:
            RateLimited: There is nothing left; `retry_after_s` says in how many seconds there will be.
        """
        if not self.per_minute:
            return
        each = timedelta(minutes=1) / self.per_minute
        row = tx.intents.find(KIND, caller)
        paid_at = now if row is None else datetime.fromisoformat(row.status["paid_at"])
        ahead = max(paid_at - now, timedelta())
        if ahead > _AHEAD + each * self.most:
            ahead = timedelta()
        if ahead >= _AHEAD:
            wait_s = max(1, math.ceil((ahead - _AHEAD + each).total_seconds()))
            raise RateLimited(
                f"{caller!r} has brought {self.per_minute} withdrawals within a minute, as many as it may",
                remedy=f"Bring these again in {wait_s} s: none of them was taken.",
                caller=caller,
                per_minute=self.per_minute,
                retry_after_s=wait_s,
            )
        status = {"paid_at": (now + ahead + each * count).isoformat()}
        if row is None:
            tx.intents.put(KIND, caller, project=PROJECT, spec={}, status=status, due=False)
        else:
            tx.intents.report(KIND, caller, status=status)
