"""Counts that several processes share, and how Prometheus is told of them."""

from __future__ import annotations

import os
import re

from towpath.gateway.counters import PAGE_BYTES, CounterPages
from towpath.gateway.metrics import GatewayMetrics
from towpath.gateway.workers.roster import Roster, Stage


def lines(metrics: GatewayMetrics) -> list[str]:
    return metrics.render().decode().splitlines()


def in_a_child(work) -> None:
    """Fork, do it there, and wait until the child is dead, by its own kill -9."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)


def test_counts_of_all_workers_are_summed_and_gauges_told_apart():
    roster = Roster(2)
    first, second = (seat.metrics() for seat in list(roster.seats())[:2])
    for metrics, times in ((first, 3), (second, 2)):
        for _ in range(times):
            metrics.answered("board", 200, 0.003)
        metrics.show("connections", times)
    found = lines(second)
    assert 'towpath_gateway_requests_total{service="board",status="200"} 5' in found
    assert 'towpath_gateway_latency_seconds_bucket{service="board",le="0.0025"} 0' in found
    assert 'towpath_gateway_latency_seconds_bucket{service="board",le="0.005"} 5' in found
    assert 'towpath_gateway_latency_seconds_bucket{service="board",le="+Inf"} 5' in found
    assert 'towpath_gateway_latency_seconds_count{service="board"} 5' in found
    assert 'towpath_gateway_latency_seconds_sum{service="board"} 0.015000' in found
    assert 'towpath_gateway_connections{worker="0"} 3' in found
    assert 'towpath_gateway_connections{worker="1"} 2' in found


def test_a_killed_worker_s_counts_stay_and_its_successor_goes_on_from_them():
    roster = Roster(1)
    seat = next(iter(roster.seats()))

    def count() -> None:
        metrics = seat.metrics()
        metrics.decided("board", "model:late@1")
        metrics.show("connections", 7)

    for times in (1, 2):
        in_a_child(count)
        seat.clear()
        found = lines(next(iter(roster.seats())).metrics())
        assert (
            f'towpath_gateway_decisions_total{{service="board",model="model:late@1"}} {times}'
            in found
        )
        assert not [line for line in found if line.startswith("towpath_gateway_connections")]


def test_the_exposition_is_well_formed_whatever_the_names():
    metrics = GatewayMetrics()
    metrics.decided('a"b\\c\nd', "model:late@1")
    metrics.show("ready", 0)
    metrics.refused("board", "overloaded")
    sample = re.compile(r'^[a-z_]+(\{([a-z_]+="(\\.|[^"\\\n])*",?)+\})? [0-9.e+-]+$')
    found = lines(metrics)
    assert 'towpath_gateway_ready{worker="0"} 0' in found
    for line in found:
        assert line.startswith("# ") or sample.match(line), line
    families = [line.split()[2] for line in found if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_a_full_page_drops_new_names_and_counts_the_known_ones():
    pages = CounterPages(1)
    page = pages.page(0)
    known = page.row("known", 1)
    for number in range(PAGE_BYTES // 500):
        row = page.row(f"{number:0500d}", 14)
        for at in range(14):
            page.values[row + at] += 1.0
    page.values[known] += 1.0
    again = pages.page(0)
    read = again.read()
    assert read["known"] == [1.0]
    assert again.row("known", 1) == known
    assert 500 < len(read) < PAGE_BYTES // 500
    assert all(values == [1.0] * 14 for key, values in read.items() if key != "known")


def test_the_least_laden_is_sought_among_the_ready_and_the_living():
    roster = Roster(2)
    assert roster.fewest() is None
    seats = list(roster.seats())
    for seat, connections in zip(seats, (5, 3, 1, 0), strict=True):
        seat.take()
        seat.hold(connections)
    assert roster.fewest() is None
    assert not roster.is_served()
    for seat in seats[:2]:
        seat.stage = Stage.READY
    assert roster.fewest() == 3
    assert roster.is_served()
    seats[1].stage = Stage.LEAVING
    assert roster.fewest() == 5
    seats[0].clear()
    assert roster.fewest() is None
