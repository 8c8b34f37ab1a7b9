"""Serving on while ledger and blob store are away, also from a fresh start."""

from __future__ import annotations

import json
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

from towpath.assets.models import load_predictor
from towpath.gateway import Limits
from towpath.operate.decisions import Compactor


def suppress(bench: Any, tailnum: str) -> int:
    with bench.ledger.write() as tx:
        return tx.withdrawals.add(bench.keyring.subject_hash("tailnum", tailnum))


def await_acknowledgement(bench: Any, generation: int) -> None:
    """Wait until the gateway that runs, of all that ever did, says that it follows a list."""

    def told() -> bool:
        with bench.ledger.read() as tx:
            said = [row.status.get("suppression_generation") for row in tx.intents.list("gateway")]
        return generation in said

    bench.eventually(told, "an acknowledgement")


def test_a_gateway_starts_from_what_was_in_force(bench: Any, ledger: Any) -> None:
    generation = bench.route(board=bench.service())
    withdrawn = suppress(bench, "N1")
    bench.start()
    bench.await_route(generation)
    bench.eventually(
        lambda: bench.reported().get("suppression_generation") == withdrawn, "the withdrawal"
    )
    bench.stop()
    ledger.is_away = True
    bench.blobs = type(ledger)(bench.blobs)
    bench.blobs.is_away = True
    bench.restart()
    assert bench.infer(600.0, subject="N2", key="a").status_code == 200
    assert bench.infer(600.0, subject="N1").status_code == 451
    assert bench.post("/v2/models/other/infer", bench.body()).status_code == 404

    ledger.is_away, bench.blobs.is_away = False, False
    newer = bench.route(board=bench.service(0.0, 1.0))
    bench.await_route(newer)
    assert bench.infer(600.0, subject="N2", key="b").json()["parameters"]["arm"] == "challenger"
    bench.eventually(
        lambda: bench.reported().get("suppression_generation") == withdrawn, "the withdrawal"
    )
    bench.restart()
    Compactor(bench.ledger, bench.blobs, bench.path).compact()
    recorded = bench.log.scan("board", columns=["key"]).collect()["key"].to_list()
    assert sorted(recorded) == ["a", "b"]


def test_a_withdrawal_that_was_acknowledged_survives_a_start_without_the_ledger(
    bench: Any, ledger: Any
) -> None:
    bench.route(board=bench.service())
    bench.start()
    bench.await_route(1)
    for number, subject in enumerate(("N1", "N2", "N3"), 1):
        generation = suppress(bench, subject)
        assert generation == number
        await_acknowledgement(bench, generation)
        # Whoever reads that acknowledgement goes on to erase: from here on it must hold for ever.
        ledger.is_away = True
        bench.restart()
        assert bench.infer(600.0, subject=subject).status_code == 451
        ledger.is_away = False


def test_without_word_for_too_long_nobody_is_decided_about(bench: Any, ledger: Any) -> None:
    bench.route(board=bench.service())
    bench.start(stale_s=timedelta(milliseconds=200).total_seconds())
    bench.await_route(1)
    ledger.is_away = True
    bench.eventually(lambda: bench.infer(600.0, subject="N1").status_code == 503, "a refusal")
    assert "who has withdrawn" in bench.infer(600.0, subject="N1").json()["error"]
    assert bench.infer(600.0).status_code == 200  # it is about nobody

    def age_s() -> float:
        lines = bench.get("/metrics").text.splitlines()
        (found,) = [one for one in lines if one.startswith("towpath_gateway_ledger_age_seconds{")]
        return float(found.split()[1])

    bench.eventually(lambda: age_s() > 0.1, "an age that somebody may be alarmed by")
    ledger.is_away = False
    bench.eventually(lambda: bench.infer(600.0, subject="N1").status_code == 200, "an answer")


def test_without_ledger_and_without_memory_nothing_is_ready(
    bench: Any, ledger: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    ledger.is_away = True
    bench.start(ready=False)
    assert bench.get("/v2/health/live").status_code == 200
    assert bench.infer().status_code == 503
    ledger.is_away = False
    bench.eventually(lambda: bench.infer().status_code == 200, "an answer")
    assert not list((tmp_path / "gateway").glob("*.new"))


def test_who_waits_at_the_door_is_told_as_soon_as_there_is_nothing_to_wait_for(
    bench: Any, ledger: Any
) -> None:
    bench.route(board=bench.service())
    ledger.is_away = True
    # Longer than the test may take: only the first look at the ledger opens the door.
    bench.start(ready=False, limits=Limits(start_s=600))
    assert bench.infer().status_code == 503
    ledger.is_away = False
    bench.eventually(lambda: bench.infer().status_code == 200, "an answer")


def test_requests_wait_for_a_model_that_is_being_opened(bench: Any) -> None:
    """As after a kill: callers' connections are there before the models are."""
    bench.route(board=bench.service())
    opening, may_open = Event(), Event()

    def load(package: str) -> Any:
        opening.set()
        assert may_open.wait(60)
        return load_predictor(package, bench.blobs)

    starting = Thread(target=bench.start, kwargs={"load": load, "limits": Limits(start_s=600)})
    starting.start()
    assert opening.wait(60)
    caller = HTTPConnection(bench.url.removeprefix("http://"), timeout=60)
    caller.request("POST", "/v2/models/board/infer", json.dumps(bench.body()))
    may_open.set()
    assert caller.getresponse().status == 200
    caller.close()
    starting.join(60)


def test_a_state_that_was_tampered_with_is_not_believed(
    bench: Any, ledger: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    bench.start()
    bench.await_route(1)
    bench.stop()
    (state,) = (tmp_path / "gateway").rglob("*.state")
    state.write_bytes(state.read_bytes().replace(b'"board"', b'"bored"'))
    ledger.is_away = True
    bench.restart(ready=False)
    assert bench.infer().status_code == 503
