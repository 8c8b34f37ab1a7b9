"""Following who has withdrawn: only what is new is read, however long the list, and nothing is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from towpath.gateway.routes.withdrawn import WithdrawnSubjects
from towpath.storage.database import open_database, tables

MANY = 100_000


def add(ledger: Any, *subjects: str) -> None:
    with ledger.write() as tx:
        for one in subjects:
            tx.withdrawals.add(one)


def look(withdrawn: WithdrawnSubjects, ledger: Any) -> list[str]:
    """Have it look, and return what it took."""
    with ledger.read() as tx:
        news = withdrawn.look(tx)
    withdrawn.take(news)
    return [one.subject for one in news]


def fill(path: Path, first: int, end: int) -> None:
    """Put so many on the list of a database, as fast as it goes."""
    database = open_database(f"sqlite:///{path}/towpath.db")
    now = datetime.now(UTC)
    rows = [{"position": n, "subject": f"{n:064x}", "at": now} for n in range(first, end)]
    with database.write() as connection:
        connection.execute(sa.insert(tables.withdrawals), rows)
    database.close()


def test_a_look_takes_what_is_new(sqlite_ledger: Any) -> None:
    withdrawn = WithdrawnSubjects()
    assert look(withdrawn, sqlite_ledger) == []
    add(sqlite_ledger, "a", "b")
    assert look(withdrawn, sqlite_ledger) == ["a", "b"]
    assert look(withdrawn, sqlite_ledger) == []
    add(sqlite_ledger, "b", "c")
    assert look(withdrawn, sqlite_ledger) == ["c"]
    assert (withdrawn.subjects, withdrawn.position) == ({"a", "b", "c"}, 3)


def test_a_look_reads_no_more_of_a_long_list_than_of_a_short_one(
    sqlite_ledger: Any, tmp_path: Path
) -> None:
    class Counting:
        """Withdrawals of which it is counted how many are read."""

        def __init__(self, real: Any) -> None:
            self.real, self.withdrawals, self.read = real, self, 0

        def since(self, position: int) -> Any:
            found = self.real.withdrawals.since(position)
            self.read += len(found)
            return found

    fill(tmp_path, 1, MANY + 1)
    withdrawn = WithdrawnSubjects()
    assert len(look(withdrawn, sqlite_ledger)) == MANY
    add(sqlite_ledger, "new")
    with sqlite_ledger.read() as tx:
        counting = Counting(tx)
        withdrawn.take(withdrawn.look(counting))
        assert counting.read == 2  # the newest it knew, and the new one
        assert withdrawn.look(counting) == []
        assert counting.read == 3
    assert withdrawn.position == MANY + 1


@pytest.mark.parametrize("now", [[], ["a"], ["a", "x"], ["x", "y", "z", "u"]])
def test_a_database_that_was_put_back_is_read_anew_and_takes_nobody_off(
    sqlite_ledger: Any, tmp_path: Path, now: list[str]
) -> None:
    add(sqlite_ledger, "a", "b", "c")
    withdrawn = WithdrawnSubjects()
    look(withdrawn, sqlite_ledger)
    database = open_database(f"sqlite:///{tmp_path}/towpath.db")
    with database.write() as connection:
        connection.execute(sa.delete(tables.withdrawals))
    database.close()
    add(sqlite_ledger, *now)
    look(withdrawn, sqlite_ledger)
    assert withdrawn.subjects == {"a", "b", "c", *now}
    assert (withdrawn.order, withdrawn.position) == (now, len(now))
    add(sqlite_ledger, "next")
    assert look(withdrawn, sqlite_ledger) == ["next"]


def test_what_was_recalled_is_gone_on_from_where_the_order_is_known(sqlite_ledger: Any) -> None:
    add(sqlite_ledger, "a", "b")
    known, mixed = WithdrawnSubjects(), WithdrawnSubjects()
    known.recall(["a", "b"], position=2)
    mixed.recall(["b", "a", "gone"], position=2)
    assert look(known, sqlite_ledger) == []
    assert look(mixed, sqlite_ledger) == ["a", "b"]
    assert mixed.subjects == {"a", "b", "gone"}


def test_a_gateway_that_is_killed_knows_a_long_list_when_it_starts_without_the_ledger(
    bench: Any, killable: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    fill(tmp_path, 1, MANY)
    with bench.ledger.write() as tx:
        place = tx.withdrawals.add(bench.keyring.subject_hash("tailnum", "N1"))
    assert place == MANY
    first = killable()
    bench.eventually(lambda: first.model(bench.body(subject="N2")), "an answer")
    assert first.ask(bench.body(subject="N1")).status_code == 451
    for subject in ("N3", "N4"):
        with bench.ledger.write() as tx:
            place = tx.withdrawals.add(bench.keyring.subject_hash("tailnum", subject))
        bench.eventually(
            lambda place=place: bench.reported().get("suppression_generation") == place, "its word"
        )
    # Whoever read that goes on to erase: from here on it must hold, whatever happens.
    first.kill()
    again = killable("away")
    bench.eventually(lambda: again.model(bench.body(subject="N2")), "an answer")
    answers = {one: again.ask(bench.body(subject=one)).status_code for one in ("N1", "N3", "N4")}
    assert answers == {"N1": 451, "N3": 451, "N4": 451}
