"""An alert names decisions; those of somebody who withdraws leave it, whichever comes first."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from towpath.operate.monitoring import Outliers
from towpath.operate.monitoring.examples import examples_of
from towpath.trace.erasure.copies import About, AlertExamples

ROWS = 400
EVERY = 20  # one row in so many is strange
MINE, THEIRS = "a" * 32, "b" * 32
ABOUT = About(field="patient", subjects=(MINE,), values=("somebody",), datasets=())


def strange_day(watched: Any) -> dict[str, str]:
    """Answer a day with strange rows, every other about one subject; return whom each is about."""
    rows = watched.rows(ROWS)
    strange = np.arange(ROWS) % EVERY == 0
    whose = [MINE if place % (2 * EVERY) == 0 else THEIRS for place in range(ROWS)]
    wind = pl.Series(np.where(strange, 40.0, rows["wind"]))
    ids = watched.day(rows.with_columns(wind=wind), subjects=whose)
    return dict(zip(ids, whose, strict=True))


def test_an_erasure_takes_a_subjects_decisions_out_of_alerts(watched: Any) -> None:
    watched.watch(Outliers(examples=ROWS // EVERY))
    whose = strange_day(watched)
    watched.judge()
    (before,) = watched.alerts()
    mine = {one for one in examples_of(before) if whose[one] == MINE}
    assert len(mine) == ROWS // EVERY // 2

    copies = AlertExamples(watched.production.ledger)
    (held,) = copies.held(ABOUT)
    assert (held.kind, held.count) == ("alert_examples", len(mine))
    for _ in range(2):
        copies.erase(ABOUT)
    (after,) = watched.alerts()
    assert set(examples_of(after)) == set(examples_of(before)) - mine
    assert MINE not in str(after)
    assert {**after.spec, "examples": None} == {**before.spec, "examples": None}
    assert (after.phase, after.status) == (before.phase, before.status)
    assert copies.held(ABOUT) == []


def test_an_alert_after_the_withdrawal_does_not_name_them(watched: Any) -> None:
    watched.watch(Outliers(examples=ROWS // EVERY))
    whose = strange_day(watched)
    with watched.production.ledger.write() as tx:
        tx.withdrawals.add(MINE)
    watched.judge()
    (alert,) = watched.alerts()
    assert {whose[one] for one in examples_of(alert)} == {THEIRS}
