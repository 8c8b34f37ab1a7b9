"""A withdrawal reaches every line of a data set, and passes over what was collected."""

from __future__ import annotations

from datetime import UTC, datetime

from towpath.assets.datasets.history import LedgerDatasetHistory, Retention
from towpath.core.refs import Ref

SUBJECT = "N14228"
FLIGHTS = Ref("dataset", "flights")


def test_branches_are_erased_with_their_data_set(home):
    history = LedgerDatasetHistory(home.ledger, home.blobs)
    branch = history.branch(FLIGHTS, "what-if")
    assert SUBJECT in home.datasets.scan(branch.ref).collect()["tailnum"].to_list()
    plan = home.erasures.plan("tailnum", SUBJECT)
    assert [data.ref for data in plan.datasets] == [
        "dataset:flights@2",
        "dataset:flights@3",
        "dataset:flights~what-if@1",
    ]
    assert plan.rows == 2, "a row counts once, on however many lines"
    found = home.work(home.erasures.submit("tailnum", SUBJECT))
    assert found.phase == "certified", found.reason
    assert found.totals["versions"] == 3
    assert SUBJECT not in home.datasets.scan(branch.ref).collect()["tailnum"].to_list()


def test_an_erasure_passes_over_versions_that_were_collected(home):
    history = LedgerDatasetHistory(home.ledger, home.blobs)
    for number in (1, 3):
        history.restore(FLIGHTS.at(number))
    later = datetime(2100, 1, 1, tzinfo=UTC)
    done = history.collect("flights", Retention(keep_last=1), now=later)
    assert done.collected == (FLIGHTS.at(4),), "models were made from the first three"
    found = home.work(home.erasures.submit("tailnum", SUBJECT))
    assert found.phase == "certified", found.reason
