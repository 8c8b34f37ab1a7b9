"""`explain` beside `infer`: contributions add up, nothing is decided, and nobody who withdrew is read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pytest

from towpath.gateway.answers import explaining

EXPLAIN = "/v2/models/board/explain"


def tensors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {
        one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in answer.json()["outputs"]
    }


def test_contributions_and_base_add_up_to_the_answer_that_infer_gives(served: Any) -> None:
    answer = served.post(EXPLAIN, served.body(600.0, 420.0) | {"id": "why"})
    found = tensors(answer)
    said = answer.json()
    assert (said["id"], said["model_name"], said["model_version"]) == ("why", "board", "1")
    assert said["parameters"]["columns"] == ["distance", "hour"]
    assert said["parameters"]["scale"] == "log-odds"
    assert said["parameters"]["method"] == "trees"
    assert said["parameters"]["model"] == "model:late@1"
    assert found["contributions"].shape == (2, 2)
    np.testing.assert_allclose(found["base"] + found["contributions"].sum(axis=1), found["raw"])
    asked = served.infer(600.0, 420.0).json()["outputs"][0]["data"]
    np.testing.assert_allclose(1 / (1 + np.exp(-found["raw"])), asked)


def test_explaining_decides_nothing_and_is_counted(served: Any) -> None:
    served.post(EXPLAIN, served.body(600.0, subject="N1"))
    served.post(EXPLAIN, {"inputs": []})
    assert served.log.count("board") == 0
    lines = served.get("/metrics").text.splitlines()
    assert 'towpath_gateway_explanations_total{service="board",status="200"} 1' in lines
    assert 'towpath_gateway_explanations_total{service="board",status="400"} 1' in lines
    assert not any(line.startswith("towpath_gateway_requests_total") for line in lines)


def registered(served: Any) -> str:
    """Make the served package a version that the ledger knows."""
    from towpath.assets.models import load_package

    package = load_package(served.packages[0], served.blobs)
    body = {"package": served.packages[0], "signature": package.signature.to_json()}
    with served.ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        tx.versions.commit("model", "late", digest=served.packages[0], body=body)
    decided = served.infer(600.0, subject="N1", key="UA-1")
    return decided.json()["parameters"]["decision_id"]


def test_a_recorded_decision_is_explained_as_it_was_made_and_its_reading_is_an_event(
    served: Any,
) -> None:
    decision_id = registered(served)
    served.await_route(served.route(board=served.service(0.0, 1.0)))  # another model answers now
    answer = served.post(EXPLAIN, {"parameters": {"decision_id": decision_id}})
    found = tensors(answer)
    assert answer.json()["parameters"]["model"] == "model:late@1"
    assert answer.json()["parameters"]["decision_id"] == decision_id
    then = served.log.find(decision_id).outputs["late"]
    np.testing.assert_allclose(1 / (1 + np.exp(-found["raw"])), [then])
    with served.ledger.read() as tx:
        events = tx.events.read(types=["decision.explained"])
    assert [one.subject for one in events] == [f"decision:{decision_id}"]


def test_a_decision_that_is_unknown_or_of_another_service_is_not_found(served: Any) -> None:
    decision_id = registered(served)
    named = {"parameters": {"decision_id": decision_id}}
    served.await_route(served.route(board=served.service(), other=served.service()))
    assert served.post("/v2/models/other/explain", named).status_code == 404
    unknown = {"parameters": {"decision_id": "01890000-0000-7000-8000-000000000000"}}
    assert served.post(EXPLAIN, unknown).status_code == 404
    assert served.post(EXPLAIN, {"parameters": {"decision_id": 7}}).status_code == 400


def test_subjects_who_withdrew_are_refused_given_or_recorded(served: Any) -> None:
    decision_id = registered(served)
    hashed = served.keyring.subject_hash("tailnum", "N1")
    with served.ledger.write() as tx:
        position = tx.withdrawals.add(hashed)
    served.eventually(
        lambda: served.reported().get("suppression_generation") == position, "suppression"
    )
    recorded = served.post(EXPLAIN, {"parameters": {"decision_id": decision_id}})
    given = served.post(EXPLAIN, served.body(600.0, 1.0, subjects=["N1", "N2"]))
    assert (recorded.status_code, given.status_code) == (451, 451)
    with served.ledger.read() as tx:
        assert not tx.events.read(types=["decision.explained"])


def test_a_version_can_be_named_and_a_split_is_followed(served: Any) -> None:
    served.await_route(served.route(board=served.service(0.0, 1.0)))
    first = served.post("/v2/models/board/versions/1/explain", served.body(600.0))
    dealt = served.post(EXPLAIN, served.body(600.0, subject="N7"))
    assert first.json()["parameters"]["model"] == "model:late@1"
    assert dealt.json()["parameters"]["model"] == "model:late@2"
    assert served.post("/v2/models/board/versions/9/explain", served.body()).status_code == 404


def test_kserves_first_protocol_gets_contributions_by_column(served: Any) -> None:
    rows = {"instances": [{"distance": 600.0, "hour": 7}, {"distance": 400.0, "hour": 7}]}
    answer = served.post("/v1/models/board:explain", rows)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    for one in said["explanations"]:
        total = one["base"] + sum(one["contributions"].values())
        assert total == pytest.approx(one["raw"])
    assert set(said["explanations"][0]["contributions"]) == {"distance", "hour"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"inputs": []}, 400),
        ({"inputs": [{"name": "nowhere", "shape": [1], "datatype": "FP64", "data": [1.0]}]}, 400),
        ({"inputs": "rows"}, 400),
    ],
)
def test_bad_rows_are_refused(served: Any, change: Any, status: int) -> None:
    assert served.post(EXPLAIN, served.body() | change).status_code == status
    assert served.get(EXPLAIN).status_code == 405


def test_more_than_a_few_at_a_time_are_told_to_come_back_while_answers_go_on(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()

    def slow(self: Any, subject: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return explained(self, subject)

    explained = explaining.Explaining._explained
    monkeypatch.setattr(explaining.Explaining, "_explained", slow)
    with ThreadPoolExecutor(8) as callers:
        asked = [
            callers.submit(served.post, EXPLAIN, served.body())
            for _ in range(explaining.WAITING_MOST + 2)
        ]
        assert begun.wait(20)
        refused = served.eventually(
            lambda: [one for one in asked if one.done()][1:2], "a refusal of what does not fit"
        )
        assert refused[0].result().status_code == 429
        assert served.infer(600.0).status_code == 200
        go_on.set()
        answers = sorted(one.result().status_code for one in asked)
    assert answers == [200] * explaining.WAITING_MOST + [429] * 2
