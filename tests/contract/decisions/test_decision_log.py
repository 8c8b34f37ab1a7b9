"""What every reader of the decision log may rely on, wherever the rows lie at the moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from towpath.operate.decisions import DecisionLog
from towpath.operate.decisions.partitions import cut

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

START = datetime(2013, 3, 1, tzinfo=UTC)


def hours(n: float) -> datetime:
    return START + timedelta(hours=n)


def test_empty_log_has_columns_but_no_rows(bench: Any) -> None:
    log: DecisionLog = bench.log
    frame = log.scan("board").collect()
    assert frame.is_empty()
    assert frame.schema["at"] == pl.Datetime("us", "UTC")
    assert log.scan("board", columns=["at", "input.distance"]).collect().columns == [
        "at",
        "input.distance",
    ]
    assert log.scan_labelled("board").collect().columns[-2:] == ["label", "label_at"]
    assert log.count() == 0
    assert log.services() == []
    assert log.keys("board").columns == ["key", "decision_id", "at", "labelled"]
    assert log.tally().decisions == 0
    assert log.find("0192aaaa-0000-7000-8000-000000000000") is None


def test_scan_returns_every_decision_of_the_service_once(bench: Any, state: str) -> None:
    mine = [bench.decision(hours=n) for n in range(8)]
    other = [bench.decision(hours=n, service="other") for n in range(3)]
    bench.spread(state, [mine[:3], other, mine[3:5], mine[5:]])

    frame = bench.log.scan("board").collect()

    assert sorted(frame["decision_id"]) == sorted(d.decision_id for d in mine)
    assert bench.log.services() == ["board", "other"]
    assert bench.log.count("board") == 8
    assert bench.log.count() == 11


def test_window_includes_its_beginning_and_excludes_its_end(bench: Any, state: str) -> None:
    decisions = [bench.decision(hours=n) for n in range(6)]
    bench.spread(state, [decisions[:2], decisions[2:4], decisions[4:]])

    frame = bench.log.scan("board", since=hours(1), until=hours(4)).collect()

    assert sorted(frame["at"]) == [hours(1), hours(2), hours(3)]
    assert bench.log.count("board", since=hours(1), until=hours(4)) == 3
    assert bench.log.count(until=hours(1)) == 1


def test_found_decision_equals_the_one_written(bench: Any, state: str) -> None:
    plain = bench.decision(inputs={"distance": None, "carrier": "UA"})
    full = bench.decision(
        rollout="board.2",
        stage=1,
        arm="challenger",
        key="UA-1545",
        subject="ab" * 16,
        inputs={"distance": 1.5, "hops": 2, "direct": True, "carrier": "B6"},
        outputs={"late": 0.1, "minutes": 3.0},
    )
    failed = bench.decision(status="error", error="predictor raised", outputs={})
    bench.spread(state, [[plain], [full], [failed]])

    for decision in (plain, full, failed):
        assert bench.log.find(decision.decision_id) == decision


def test_columns_ask_for_inputs_that_only_some_models_have(bench: Any, state: str) -> None:
    bench.spread(
        state,
        [
            [bench.decision(inputs={"distance": 1.0})],
            [bench.decision(inputs={"distance": 2, "wind": 3.5})],
        ],
    )
    frame = bench.log.scan("board", columns=["input.wind", "input.distance"]).collect()
    assert sorted(frame["input.distance"]) == [1.0, 2.0]
    assert frame["input.wind"].null_count() == 1

    only_wind = bench.log.scan("board", columns=["input.wind"]).collect()
    assert only_wind.height == 2


def test_last_recorded_label_counts(bench: Any, state: str) -> None:
    first, second, third = (bench.decision(hours=n) for n in range(3))
    bench.spread(
        state,
        [
            [first, second, third],
            [bench.label(first, 0), bench.label(second, 1)],
            [bench.label(first, 1, hours=9)],
        ],
    )
    frame = bench.log.scan_labelled("board").sort("at").collect()
    assert frame["decision_id"].to_list() == [first.decision_id, second.decision_id]
    assert frame["label"].to_list() == [1.0, 1.0]
    assert frame["label_at"].to_list() == [hours(9), hours(6)]
    label = bench.log.label_of(first.decision_id)
    assert label is not None
    assert (label.value, label.at) == (1.0, hours(9))
    assert bench.log.label_of(third.decision_id) is None


def test_labels_say_who_they_are_from(bench: Any, state: str) -> None:
    reported, asked = (bench.decision(hours=n) for n in range(2))
    by_people = msgspec.structs.replace(bench.label(asked, 1), source="label_queue:review")
    bench.spread(state, [[reported, asked], [bench.label(reported, 0)], [by_people]])
    sources = bench.log.labels().collect().select("decision_id", "label_source").rows()
    assert dict(sources) == {
        reported.decision_id: None,
        asked.decision_id: "label_queue:review",
    }
    assert bench.log.label_of(asked.decision_id) == by_people


def test_files_from_before_labels_had_a_source_are_read(
    bench: Any, sqlite_ledger: Ledger, disk_blobs: BlobStore
) -> None:
    decision = bench.decision()
    bench.write(decision, bench.label(decision, 1))
    bench.compact()
    with sqlite_ledger.write() as tx:
        (segment,) = tx.segments.list("labels")
        with disk_blobs.open_local(segment.digest) as path:
            old = pl.read_parquet(path).drop("label_source")
        (file,) = cut("labels", old)
        disk_blobs.put(file.data)
        tx.segments.add([file.segment], retire=[segment.digest])
    label = bench.log.label_of(decision.decision_id)
    assert (label.value, label.source) == (1.0, None)
    assert bench.log.labels().collect()["label_source"].to_list() == [None]


def test_labels_that_were_not_known_yet_are_left_out(bench: Any, state: str) -> None:
    early, late = bench.decision(hours=0), bench.decision(hours=1)
    bench.spread(
        state,
        [[early, late], [bench.label(early, 1, hours=3)], [bench.label(late, 0, hours=5)]],
    )
    seen = bench.log.scan_labelled("board", matured_by=hours(4), columns=["at"]).collect()
    assert seen.columns == ["at", "label", "label_at"]
    assert seen["at"].to_list() == [hours(0)]


def test_label_may_come_before_its_decision_and_for_nobodys(bench: Any, state: str) -> None:
    decision = bench.decision()
    stray = "0192aaaa-0000-7000-8000-000000000000"
    bench.spread(state, [[bench.label(decision, 1), bench.label(stray, 0)], [decision]])

    assert bench.log.scan_labelled("board").collect().height == 1
    assert stray in bench.log.labels().collect()["decision_id"].to_list()
    tally = bench.log.tally("board")
    assert (tally.decisions, tally.labelled, tally.unmatched_labels) == (1, 1, 1)


def test_tally_counts_errors(bench: Any, state: str) -> None:
    bench.spread(
        state,
        [[bench.decision()], [bench.decision(status="error", error="x", outputs={})]],
    )
    assert bench.log.tally().errors == 1


def test_keys_say_what_was_decided_and_what_lacks_a_label(bench: Any, state: str) -> None:
    done, open_, nameless = bench.decision(key="a"), bench.decision(key="b"), bench.decision()
    bench.spread(state, [[done, open_], [nameless], [bench.label(done, 1)]])
    keys = bench.log.keys("board").sort("key")
    assert keys["key"].to_list() == ["a", "b"]
    assert keys["labelled"].to_list() == [True, False]
    assert keys["decision_id"].to_list() == [done.decision_id, open_.decision_id]


def test_two_readers_see_what_a_third_writes(make_bench: Any, bench: Any) -> None:
    other = make_bench(bench.ledger, bench.blobs)
    for n in range(3):
        bench.write(bench.decision(hours=n))
        assert other.log.count("board") == n + 1
    bench.compact()
    bench.write(bench.decision(hours=9))
    assert other.log.count("board") == 4
    assert other.log.scan("board").collect().height == 4


def test_rows_survive_many_small_compactions(bench: Any) -> None:
    decisions = []
    for n in range(20):
        decisions.append(bench.decision(hours=n))
        bench.write(decisions[-1], bench.label(decisions[-1], 1))
        bench.compact()
    frame = bench.log.scan_labelled("board").collect()
    assert sorted(frame["decision_id"]) == sorted(d.decision_id for d in decisions)
    with bench.ledger.read() as tx:
        assert len(tx.segments.list()) < 20


def test_every_backend_keeps_the_same_rows(make_bench: Any, ledger: Any, blobs: Any) -> None:
    bench = make_bench(ledger, blobs)
    decisions = [bench.decision(hours=n, service="board") for n in range(4)]
    bench.write(*decisions[:2], bench.label(decisions[0], 1))
    bench.compact()
    bench.write(*decisions[2:])
    assert bench.log.count("board") == 4
    assert bench.log.scan_labelled("board").collect().height == 1
    assert bench.log.find(decisions[1].decision_id) == decisions[1]
    bench.compact()
    assert bench.log.scan("board").collect().height == 4
