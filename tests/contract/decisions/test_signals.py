"""What customers did, joined to decisions however late, often and out of order it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2013, 3, 1, tzinfo=UTC)
NOBODY = "0192aaaa-0000-7000-8000-000000000000"
GONE = "aa" * 16


def hours(n: float) -> datetime:
    return START + timedelta(hours=n)


def rows(bench: Any, **asked: Any) -> list[tuple[str, str, float]]:
    frame = bench.log.scan_signals("board", **asked).collect()
    return sorted(frame.select("decision_id", "signal", "value").rows())


def test_signals_are_joined_by_id(bench: Any, state: str) -> None:
    first, second = bench.decision(), bench.decision(hours=1)
    bench.spread(
        state,
        [
            [bench.signal(first, "clicked", 1)],  # before its decision
            [first, second],
            [bench.signal(first, "refund_eur", 12.5), bench.signal(second, "clicked", 0)],
            [bench.signal(NOBODY, "clicked", 1)],
        ],
    )
    assert rows(bench) == sorted(
        [
            (first.decision_id, "clicked", 1.0),
            (first.decision_id, "refund_eur", 12.5),
            (second.decision_id, "clicked", 0.0),
        ]
    )
    assert rows(bench, names=["refund_eur"]) == [(first.decision_id, "refund_eur", 12.5)]
    assert rows(bench, since=hours(1)) == [(second.decision_id, "clicked", 0.0)]
    tally = bench.log.tally("board")
    assert (tally.signalled, tally.unmatched_signals, tally.labelled) == (2, 1, 0)


def test_repeated_signal_changes_nothing_and_the_last_recorded_corrects(
    bench: Any, state: str
) -> None:
    decision = bench.decision()
    refund = bench.signal(decision, "refund_eur", 10, hours=9)
    corrected = bench.signal(decision, "refund_eur", 4, hours=7)
    bench.spread(state, [[decision, refund], [refund], [corrected], [refund]])
    assert rows(bench) == [(decision.decision_id, "refund_eur", 4.0)]
    (found,) = bench.log.signals_of(decision.decision_id)
    assert found == corrected


def test_signal_by_key_belongs_to_the_last_decision_before_it(bench: Any, state: str) -> None:
    first = bench.decision(hours=0, key="order-1")
    second = bench.decision(hours=4, key="order-1")
    other = bench.decision(hours=0, key="order-1", service="other")
    bench.spread(
        state,
        [
            [bench.signal("board:order-1", "clicked", 1, hours=3), first],
            [second, other],
            [bench.signal("board:order-1", "bought", 1, hours=5)],
            [bench.signal("board:order-1", "clicked", 1, hours=-1)],  # before there was any
            [bench.signal("board:order-2", "clicked", 1)],
        ],
    )
    expected = [(first.decision_id, "clicked", 1.0), (second.decision_id, "bought", 1.0)]
    assert rows(bench) == sorted(expected)
    assert rows(bench, since=hours(-1), until=hours(2)) == expected[:1]
    assert bench.log.scan_signals("other").collect().is_empty()
    assert [one.name for one in bench.log.signals_of(second.decision_id)] == ["bought"]
    assert bench.log.tally().unmatched_signals == 2


def test_scan_puts_signals_beside_decisions(bench: Any, state: str) -> None:
    first, second = bench.decision(), bench.decision(hours=1, key="k")
    bench.spread(
        state,
        [
            [first, second],
            [bench.signal(first, "clicked", 1, hours=2)],
            [bench.signal("board:k", "refund_eur", 3, hours=8)],
        ],
    )
    asked = {"columns": ["at"], "signals": ["clicked", "refund_eur", "never"]}
    frame = bench.log.scan("board", **asked).sort("at").collect()
    assert frame.columns == ["at", "signal.clicked", "signal.refund_eur", "signal.never"]
    assert frame["signal.clicked"].to_list() == [1.0, None]
    assert frame["signal.refund_eur"].to_list() == [None, 3.0]
    assert frame["signal.never"].to_list() == [None, None]
    early = bench.log.scan("board", matured_by=hours(7), **asked).sort("at").collect()
    assert early["signal.refund_eur"].to_list() == [None, None]


def test_signals_of_erased_decisions_go_with_them(bench: Any, state: str) -> None:
    gone = bench.decision(subject=GONE, key="g")
    stays = bench.decision(hours=1, subject="bb" * 16, key="s")
    bench.spread(
        state,
        [
            [gone, stays],
            [bench.signal(gone, "clicked", 1), bench.signal("board:g", "bought", 1)],
            [bench.signal(stays, "clicked", 1), bench.signal("board:s", "bought", 1)],
        ],
    )
    held = bench.log.holdings(GONE)
    assert (held.decisions, held.signals) == (1, 2)
    bench.seal()

    erased = bench.log.erase_subjects([GONE])

    assert (erased.decisions, erased.signals) == (1, 2)
    assert rows(bench) == [
        (stays.decision_id, "bought", 1.0),
        (stays.decision_id, "clicked", 1.0),
    ]
    assert bench.log.tally().unmatched_signals == 0
    assert bench.log.holdings(GONE).signals == 0
    for blob in bench.blobs.walk():
        with bench.blobs.open_local(blob) as path:
            assert gone.decision_id.encode() not in path.read_bytes()


def test_weight_says_how_many_decisions_a_row_stands_for(bench: Any, state: str) -> None:
    bench.spread(state, [[bench.decision(kept=0.25)], [bench.decision()]])
    frame = bench.log.scan("board").collect()
    assert sorted(frame["weight"]) == [1.0, 4.0]
    assert bench.log.scan("board", columns=["weight"]).sum().collect().item() == 5.0
