"""How withdrawals that come together are fulfilled together.

The first one drives: it is an erasure that waits in `suppressed` until nobody has come for a moment, or
it has waited long enough. Whoever withdraws meanwhile *rides on* it: their request is recorded and they
are suppressed at once, but one pass takes all of them out, one retraining replaces the models, one scan
looks for all, and one certificate names all by their hashes. So ten thousand withdrawals cost what
the first one costs, and their rows.

Two rows of the ledger make both ends cheap, however many requests there were: `erasure_gathering/FIELD`
says who drives and how many ride, `erasure_subject/HASH` which request of a subject is the newest.
"""

from __future__ import annotations

from datetime import datetime, timedelta  # noqa: TC003 -- msgspec reads the annotations
from typing import TYPE_CHECKING

import msgspec

from towpath.trace.erasure.state import KIND, PROJECT, RIDING, Request, State, request_of, state_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent
    from towpath.ledger.work import NewRow

GATHERING = "erasure_gathering"
NEWEST = "erasure_subject"


class Gathering(msgspec.Struct, frozen=True, kw_only=True):
    """Who came last, and how many there are.

    Attributes:
        driver: Id of the erasure that all others ride on.
        riders: How many do.
        last_at: When the last one came.
        suppression: The last one's position on the list of withdrawals.
    """

    driver: str
    riders: int = 0
    last_at: datetime
    suppression: int

    def is_over(self, now: datetime, *, since: datetime, quiet: timedelta, most: timedelta) -> bool:
        """Tell whether to begin: nobody has come for `quiet`, or the first has waited for `most`."""
        return now - self.last_at >= quiet or now - since >= most


def gathering_of(tx: Transaction, field: str, driver: str) -> Gathering | None:
    """Return what an erasure gathers, or gathered; None if another one does, or nobody."""
    return _gathering(tx.intents.find(GATHERING, field), driver)


def _gathering(row: Intent | None, driver: str) -> Gathering | None:
    if row is None or row.status.get("driver") != driver:
        return None
    return msgspec.convert(row.status, Gathering)


def driver_of(tx: Transaction, field: str) -> Intent | None:
    """Return the erasure that withdrawals of a field may ride on; None if one must begin."""
    row = tx.intents.find(GATHERING, field)
    driver = None if row is None else tx.intents.find(KIND, row.status["driver"])
    return driver if driver is not None and driver.phase == "suppressed" else None


def gather(tx: Transaction, last: Request, *, driver: str, riders: int) -> None:
    """Note that requests came, the last of them this one, and how many of them ride."""
    row = tx.intents.find(GATHERING, last.field)
    before = _gathering(row, driver)
    found = Gathering(
        driver=driver,
        riders=riders + (0 if before is None else before.riders),
        last_at=last.requested_at,
        suppression=last.suppression,
    )
    if row is None:
        tx.intents.put(GATHERING, last.field, project=PROJECT, spec={}, due=False)
    tx.intents.report(GATHERING, last.field, status=msgspec.to_builtins(found))


def newest_of(tx: Transaction, subjects: Collection[str]) -> dict[str, Intent]:
    """Return the newest request of each subject that ever had one."""
    rows = tx.intents.find_all(NEWEST, subjects)
    found = tx.intents.find_all(KIND, [row.status["erasure"] for row in rows.values()])
    return {
        subject: found[row.status["erasure"]]
        for subject, row in rows.items()
        if row.status["erasure"] in found
    }


def note_newest(tx: Transaction, ids: Mapping[str, str]) -> None:
    """Note which request of each subject is the newest."""
    there = tx.intents.find_all(NEWEST, ids)
    for subject in there:
        tx.intents.report(NEWEST, subject, status={"erasure": ids[subject]})
    fresh: dict[str, NewRow] = {
        subject: ({}, "new", {"erasure": one})
        for subject, one in ids.items()
        if subject not in there
    }
    tx.intents.add_all(NEWEST, fresh, project=PROJECT, due=False)


def riders_of(tx: Transaction, driver: str) -> list[tuple[str, Request]]:
    """Return who rides on an erasure, by id, in the order in which they came. Costs all that still ride."""
    rows = tx.intents.list(KIND, phases=[RIDING], limit=None)
    return [(row.name, request_of(row)) for row in rows if state_of(row).rides_on == driver]


def let_off(tx: Transaction, driver: str, state: State, *, most: int) -> bool:
    """Say of some riders that they are done; tell whether these were all."""
    done = State(rides_on=driver, certificate=state.certificate)
    riders = riders_of(tx, driver)
    for name, _ in riders[:most]:
        tx.intents.report(KIND, name, status=msgspec.to_builtins(done), phase="certified")
    return len(riders) <= most
