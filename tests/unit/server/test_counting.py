"""Traffic counts: what the log holds, counted once for everybody."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from towpath.server import DecisionTraffic

if TYPE_CHECKING:
    from seeded_home import SeededHome

    from towpath.operate.decisions import DecisionLog

DAY_S = 86_400


def test_counts_add_up_to_the_decisions(home: SeededHome):
    counted = home.services.traffic.count("delay-board", bin_s=DAY_S)
    assert sum(one.count for one in counted) == len(home.decision_ids)
    assert [one.at for one in counted] == sorted(one.at for one in counted)
    models = Counter[str]()
    for one in counted:
        models[one.model] += one.count
    assert {"model:late@1", "model:late@2"} <= set(models)


def test_bins_are_cut_at_whole_spans_of_event_time(home: SeededHome):
    hours = home.services.traffic.count("delay-board", bin_s=3600)
    assert all(one.at.minute == 0 for one in hours)
    assert len(hours) > len(home.services.traffic.count("delay-board", bin_s=DAY_S))


def test_an_unknown_service_has_no_traffic(home: SeededHome):
    assert home.services.traffic.count("nothing", bin_s=DAY_S) == []


class CountedLog:
    """A decision log that counts how often it is read."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self.reads = 0

    def scan(self, *args: object, **options: object) -> object:
        self.reads += 1
        return self._log.scan(*args, **options)


def test_many_pages_are_one_count(home: SeededHome):
    log = CountedLog(home.services.traffic._decisions)
    traffic = DecisionTraffic(log, max_age_s=3600)
    first = traffic.count("delay-board", bin_s=DAY_S)
    assert traffic.count("delay-board", bin_s=DAY_S) is first
    traffic.count("delay-board", bin_s=3600)
    assert log.reads == 2
