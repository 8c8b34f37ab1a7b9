"""The model repository of the protocol: an index of what is released, which only a release changes."""

from __future__ import annotations

from typing import Any


def test_index_lists_every_version_that_answers(bench: Any) -> None:
    bench.route(board=bench.service(0.5, 0.5))
    bench.start()
    listed = bench.post("/v2/repository/index", {}).json()
    assert [(one["name"], one["version"], one["state"]) for one in listed] == [
        ("board", "1", "READY"),
        ("board", "2", "READY"),
    ]
    assert bench.client.post(bench.url + "/v2/repository/index").json() == listed
    assert "model_repository" in bench.get("/v2").json()["extensions"]


def test_a_service_that_can_not_be_loaded_is_listed_unless_only_ready_ones_are_asked_for(
    bench: Any,
) -> None:
    bench.route(board=bench.service())
    bench.start()
    broken = bench.service()
    broken["arms"][0]["package"] = "sha256:" + "0" * 64
    bench.route(board=bench.service(), gate=broken)

    def states() -> dict[str, str]:
        listed = bench.post("/v2/repository/index", {}).json()
        return {one["name"]: one["state"] for one in listed}

    bench.eventually(
        lambda: states() == {"board": "READY", "gate": "UNAVAILABLE"}, "the broken service"
    )
    ready = bench.post("/v2/repository/index", {"ready": True}).json()
    assert [one["name"] for one in ready] == ["board"]


def test_models_come_and_go_by_release(served: Any) -> None:
    assert served.post("/v2/repository/models/board/load", {}).json() == {}
    assert served.post("/v2/repository/models/bord/load", {}).status_code == 404
    refused = served.post("/v2/repository/models/board/unload", {})
    assert refused.status_code == 400
    assert "released" in refused.json()["error"]
    assert served.post("/v2/repository/models/board", {}).status_code == 404
    assert served.get("/v2/repository/index").status_code == 405
    assert served.post("/v2/repository/index", {"ready": 7}).status_code == 400
