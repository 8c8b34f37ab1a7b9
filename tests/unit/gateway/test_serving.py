"""What happens around a request: arms, subjects, time, durability, and a ledger that goes away."""

from __future__ import annotations

import socket
import struct
import threading
import uuid
from typing import Any

import pytest

from towpath.core.errors import Unavailable
from towpath.gateway.http.transport import Connection
from towpath.operate.decisions import Logging


def suppress(bench: Any, *hashes: str) -> int:
    with bench.ledger.write() as tx:
        return max(tx.withdrawals.add(one) for one in hashes)


def arms_of(bench: Any, subjects: list[str]) -> dict[str, str]:
    count = len(subjects)
    answer = bench.infer(*[600.0] * count, subjects=subjects).json()["parameters"]
    arms = answer.get("arms") or [answer["arm"]] * count
    return dict(zip(subjects, arms, strict=True))


def test_traffic_is_split_stably_and_only_towards_the_challenger(bench: Any) -> None:
    bench.route(board=bench.service(0.8, 0.2, rollout="board.2", stage=0))
    bench.start()
    subjects = [f"N{n:05d}" for n in range(400)]
    first = arms_of(bench, subjects)
    share = sum(arm == "challenger" for arm in first.values()) / len(subjects)
    assert 0.12 < share < 0.28  # four standard deviations around 0.2
    assert arms_of(bench, subjects) == first

    generation = bench.route(board=bench.service(0.5, 0.5, rollout="board.2", stage=1))
    bench.await_route(generation)
    second = arms_of(bench, subjects)
    moved = [name for name in subjects if first[name] != second[name]]
    assert moved
    assert all(second[name] == "challenger" for name in moved)

    rows = bench.log.scan("board", columns=["model", "arm", "stage", "rollout", "release"])
    seen = set(rows.unique().collect().rows())
    assert ("model:late@2", "challenger", 1, "board.2", "release:production@2") in seen
    assert ("model:late@1", "champion", 0, "board.2", "release:production@1") in seen


def test_each_arm_answers_with_its_own_model_in_one_batch(bench: Any) -> None:
    bench.route(board=bench.service(0.5, 0.5, rollout="board.2", stage=0))
    bench.start()
    subjects = [f"N{n}" for n in range(40)]
    answer = bench.infer(*[700.0] * 40, subjects=subjects).json()
    for value, arm in zip(answer["outputs"][0]["data"], answer["parameters"]["arms"], strict=True):
        assert (value > 0.5) == (arm == "champion")


def test_pinned_version_is_left_out_of_the_comparison(bench: Any) -> None:
    bench.route(board=bench.service(1.0, 0.0, rollout="board.2", stage=0))
    bench.start()
    answer = bench.post("/v2/models/board/versions/2/infer", bench.body()).json()
    assert (answer["model_version"], answer["parameters"]["arm"]) == ("2", "pinned")
    decision = bench.log.find(answer["parameters"]["decision_id"])
    assert (decision.model, decision.rollout, decision.stage) == ("model:late@2", None, None)


def test_subject_is_hashed_at_the_door(served: Any) -> None:
    answer = served.infer(subject="N14228", key="UA-1").json()
    decision = served.log.find(answer["parameters"]["decision_id"])
    assert decision.subject == served.keyring.subject_hash("tailnum", "N14228")
    assert not any(b"N14228" in path.read_bytes() for path in served.path.iterdir())


def test_subject_of_a_service_without_one_is_refused(bench: Any) -> None:
    bench.route(board=bench.service(subject_field=None))
    bench.start()
    answer = bench.infer(subject="N14228")
    assert answer.status_code == 400
    assert "declares no subject" in answer.json()["error"]
    assert "N14228" not in answer.text


def test_withdrawn_subject_is_neither_answered_nor_recorded(served: Any) -> None:
    gone = served.keyring.subject_hash("tailnum", "N14228")
    assert served.infer(subject="N14228").status_code == 200
    generation = suppress(served, gone)
    while served.reported().get("suppression_generation") != generation:
        assert served.infer(subject="N1").status_code == 200

    answer = served.infer(600.0, 500.0, subjects=["N1", "N14228"])

    assert answer.status_code == 451
    assert "row 1" in answer.json()["error"]
    assert "N14228" not in answer.text
    assert served.log.holdings(gone).decisions == 1
    assert served.infer(subject="N1").status_code == 200


def test_event_time_is_believed_in_replay_only(bench: Any) -> None:
    bench.route(board=bench.service())
    bench.start(replay=False)
    answer = bench.infer(time="2013-03-01T06:00:00Z")
    assert answer.status_code == 400
    assert "time" in answer.json()["error"]
    plain = bench.infer().json()["parameters"]["decision_id"]
    assert bench.log.find(plain).at == bench.clock.now()


def test_replayed_times_are_recorded_per_row(served: Any) -> None:
    times = ["2013-03-01T06:00:00Z", "2013-03-02T06:00:00+00:00"]
    answer = served.infer(600.0, 500.0, times=times).json()
    found = [served.log.find(name).at.isoformat() for name in answer["parameters"]["decision_ids"]]
    assert found == ["2013-03-01T06:00:00+00:00", "2013-03-02T06:00:00+00:00"]
    assert served.infer(time="yesterday").status_code == 400
    refused = served.infer(600.0, 500.0, times=times[:1])
    assert refused.status_code == 400
    assert "'times'" in refused.json()["error"]
    assert served.infer(600.0, 500.0, key="one").status_code == 400


def test_labels_are_recorded_and_bad_ones_refused_as_a_whole(served: Any) -> None:
    decision_id = served.infer().json()["parameters"]["decision_id"]
    labels = [
        {"decision_id": decision_id, "value": True, "time": "2013-03-01T08:00Z"},
        {"decision_id": str(uuid.uuid4()), "value": 0},
    ]
    answer = served.post("/v2/labels", {"labels": labels})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    assert served.log.label_of(decision_id).value == 1.0
    assert served.log.tally().unmatched_labels == 1

    for bad, says in (
        ({"decision_id": "x", "value": 1}, "label 1 names no decision"),
        ({"decision_id": decision_id, "value": "late"}, "$.labels[1].value"),
        ({"decision_id": decision_id, "value": 1, "time": "soon"}, "not a time"),
    ):
        answer = served.post("/v2/labels", {"labels": [labels[0], bad]})
        assert answer.status_code == 400
        assert says in answer.json()["error"]
    assert served.post("/v2/labels", {"labels": []}).status_code == 400
    assert served.log.labels().collect().height == 2


def test_signals_name_decisions_by_id_or_key_and_bad_ones_are_refused_as_a_whole(
    served: Any,
) -> None:
    decision_id = served.infer(key="order-7").json()["parameters"]["decision_id"]
    later = "2030-01-01T00:00Z"
    signals = [
        {"decision_id": decision_id, "name": "clicked", "value": True, "time": later},
        {"service": "board", "key": "order-7", "name": "refund_eur", "value": 2.5, "time": later},
        {"decision_id": str(uuid.uuid4()), "name": "clicked", "value": 1},
    ]
    for _ in range(2):
        answer = served.post("/v2/signals", {"signals": signals})
        assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    found = {one.name: one.value for one in served.log.signals_of(decision_id)}
    assert found == {"clicked": 1.0, "refund_eur": 2.5}
    assert served.log.tally().unmatched_signals == 1

    one = {"name": "clicked", "value": 1}
    for bad, says in (
        (one, "must name its decision"),
        ({**one, "decision_id": decision_id, "service": "board"}, "must name its decision"),
        ({**one, "service": "board"}, "must name its decision"),
        ({**one, "service": "a/b", "key": "k"}, "service name"),
        ({**one, "decision_id": "x"}, "signal 1 names no decision"),
        ({**one, "decision_id": decision_id, "name": "a b"}, "no plain name"),
        ({**one, "decision_id": decision_id, "value": "much"}, "$.signals[1].value"),
        ({**one, "decision_id": decision_id, "time": "soon"}, "not a time"),
    ):
        answer = served.post("/v2/signals", {"signals": [signals[0], bad]})
        assert answer.status_code == 400
        assert says in answer.json()["error"]
    assert served.post("/v2/signals", {"signals": []}).status_code == 400
    assert served.log.scan_signals("board").collect().height == 2


def test_decisions_are_sampled_and_redacted_before_they_are_written(bench: Any) -> None:
    redact = {"distance": "hash", "hour": "drop"}
    declared = Logging(sample=0.25, redact=redact).to_spec()
    bench.route(board=bench.service(logging=declared))
    bench.start()
    for _ in range(2):
        for number in range(40):
            assert bench.infer(612.125, key=f"order-{number}").status_code == 200
    bench.stop()
    rows = bench.log.scan("board").collect()
    assert 4 <= rows["key"].n_unique() <= 18
    assert rows.height == 2 * rows["key"].n_unique()  # the second time as the first
    assert rows["weight"].unique().to_list() == [4.0]
    assert "input.hour" not in rows.columns
    expected = bench.keyring.subject_hash("input:distance", "612.125")
    assert rows["input.distance"].unique().to_list() == [expected]
    written = b"".join(file.read_bytes() for file in bench.path.iterdir() if file.is_file())
    assert struct.pack(">d", 612.125) not in written
    assert struct.pack("<d", 612.125) not in written


def test_relaxed_service_answers_before_its_decision_is_durable(bench: Any) -> None:
    bench.route(board=bench.service(durability="relaxed"))
    bench.start()
    for _ in range(5):
        assert bench.infer().status_code == 200
    bench.stop()
    assert bench.log.count("board") == 5


def test_route_is_swapped_without_a_failed_request(served: Any) -> None:
    stop = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        while not stop.is_set():
            answers.append(served.infer().status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        champion = served.service()
        champion["arms"][0] |= {"model": "model:late@2", "package": served.packages[1]}
        served.await_route(served.route(board=champion))
    finally:
        stop.set()
        thread.join()
    assert set(answers) == {200}
    assert served.infer().json()["model_version"] == "2"


def test_gateway_serves_on_while_the_database_is_away(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)

    def away(**_: object) -> None:
        asked.release()
        raise Unavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(served.ledger, "read", away)
        for _ in range(3):
            assert asked.acquire(timeout=20)
        assert served.infer().status_code == 200
        assert served.get("/v2/health/ready").status_code == 200
    served.await_route(served.route(board=served.service(), other=served.service()))
    assert served.post("/v2/models/other/infer", served.body()).status_code == 200


def test_model_that_can_not_be_loaded_leaves_the_one_before_in_place(served: Any) -> None:
    broken = served.service()
    broken["arms"][0] |= {"model": "model:late@3", "package": "0" * 64}
    served.route(board=broken, new=broken)
    while served.reported().get("broken") != ["board", "new"]:
        assert served.infer().json()["model_version"] == "1"
    answer = served.post("/v2/models/new/infer", served.body())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert served.get("/v2/health/ready").status_code == 503
    served.await_route(served.route(board=served.service()))
    assert served.get("/v2/health/ready").status_code == 200


def test_model_that_fails_is_recorded_as_an_error_and_its_words_are_not_repeated(
    bench: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from towpath.assets.models import load_predictor

    class Failing:
        def __init__(self, package: str) -> None:
            real = load_predictor(package, bench.blobs)
            self.package, self.task, self.signature = package, real.task, real.signature
            self.read, self.read_matrix, self.predict = real.read, real.read_matrix, real.predict

        def answer(self, rows: Any) -> Any:
            raise ZeroDivisionError(f"could not convert {private}")

    private = 612.125
    declared = Logging(redact={"distance": "drop"}).to_spec()
    bench.route(board=bench.service(logging=declared))
    bench.start(load=Failing)
    answer = bench.infer(private)
    assert answer.status_code == 500
    assert "model:late@1" in answer.json()["error"]
    row = bench.log.scan("board").collect().row(0, named=True)
    assert (row["status"], row["error"]) == ("error", "ZeroDivisionError")
    assert "input.distance" not in row
    assert bench.log.tally().errors == 1
    printed = "".join(capsys.readouterr())
    assert "prediction.failed" in printed
    assert str(private) not in printed + answer.text


def test_gateway_reports_itself_and_takes_the_report_back(bench: Any) -> None:
    generation = bench.route(board=bench.service())
    bench.start()
    bench.await_route(generation)
    with bench.ledger.read() as tx:
        (row,) = tx.intents.list("gateway")
    assert row.spec["address"] == bench.url.removeprefix("http://")
    assert {"route_generation", "suppression_generation", "at"} <= set(row.status)
    bench.stop()
    with bench.ledger.read() as tx:
        assert tx.intents.list("gateway") == []


def test_accepted_connections_do_not_delay_small_answers(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Nagle's algorithm on, a keep-alive answer waits some 40 ms for an acknowledgement."""
    seen: list[int] = []
    made = Connection.connection_made

    def look(self: Any, transport: Any) -> None:
        raw = transport.get_extra_info("socket")
        seen.append(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        made(self, transport)

    monkeypatch.setattr(Connection, "connection_made", look)
    bench.route(board=bench.service())
    bench.start()
    assert bench.infer().status_code == 200
    assert seen
    assert all(seen)


def test_full_disk_is_said_and_nothing_is_recorded(served: Any) -> None:
    import resource

    served.infer()
    (source,) = served.path.glob("*.open")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (source.stat().st_size + 10, hard))
        answer = served.infer(key="lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert answer.status_code == 507
    assert "full" in answer.json()["error"]
    assert served.infer(key="kept").status_code == 200
    assert sorted(served.log.keys("board")["key"]) == ["kept"]
    assert served.log.count("board") == 2
