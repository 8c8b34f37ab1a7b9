"""The Open Inference Protocol over a real socket: answers, metadata, and clear refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from towpath.gateway.limits import Limits


def test_answer_carries_output_decision_and_origin(served: Any) -> None:
    document = served.body(600.0, key="UA-1") | {"id": "req-1"}
    answer = served.post("/v2/models/board/infer", document)

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["id"] == "req-1"
    assert (said["model_name"], said["model_version"]) == ("board", "1")
    (output,) = said["outputs"]
    assert (output["shape"], output["datatype"]) == ([1], "FP64")
    assert 0.5 < output["data"][0] <= 1.0
    parameters = said["parameters"]
    assert parameters["model"] == "model:late@1"
    assert parameters["release"] == "release:production@1"
    assert parameters["arm"] == "champion"
    decision = served.log.find(parameters["decision_id"])
    assert decision.outputs == {output["name"]: output["data"][0]}
    assert decision.inputs == {"distance": 600.0, "hour": 7}
    assert decision.key == "UA-1"


def test_flat_and_nested_data_mean_the_same(served: Any) -> None:
    flat = served.body(600.0, 400.0)
    nested = json.loads(json.dumps(flat))
    nested["inputs"][0] |= {"shape": [2, 1], "data": [[600.0], [400.0]]}
    nested["inputs"][1] |= {"shape": [2], "data": [7, 7]}
    answers = [
        served.post("/v2/models/board/infer", body).json()["outputs"][0]["data"]
        for body in (flat, nested)
    ]
    assert answers[0] == answers[1]


def test_a_whole_number_is_one_however_it_is_written(served: Any) -> None:
    document = served.body(600.0)
    document["inputs"][1]["data"] = [[7.0]]
    said = served.post("/v2/models/board/infer", document).json()
    assert served.log.find(said["parameters"]["decision_id"]).inputs["hour"] == 7
    document["inputs"][1]["data"] = [[7.5]]
    refused = served.post("/v2/models/board/infer", document)
    assert (refused.status_code, "row 0" in refused.json()["error"]) == (400, True)


def test_one_tensor_may_hold_all_columns(served: Any) -> None:
    expected = served.infer(600.0, 400.0).json()["outputs"][0]["data"]
    for data in ([600.0, 7.0, 400.0, 7.0], [[600.0, 7], [400.0, 7]]):
        given = {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": data}
        said = served.post("/v2/models/board/infer", {"inputs": [given]}).json()
        assert said["outputs"][0]["data"] == expected
        decision = served.log.find(said["parameters"]["decision_ids"][0])
        assert decision.inputs == {"distance": 600.0, "hour": 7}


def test_rows_keep_their_order_and_are_decisions_of_their_own(served: Any) -> None:
    answer = served.infer(700.0, 300.0, 500.0, keys=["a", "b", None]).json()
    high, low, _ = answer["outputs"][0]["data"]
    assert high > low
    ids = answer["parameters"]["decision_ids"]
    assert [served.log.find(name).key for name in ids] == ["a", "b", None]
    assert [served.log.find(name).inputs["distance"] for name in ids] == [700.0, 300.0, 500.0]


def test_large_batch_is_answered_row_by_row_alike(served: Any) -> None:
    distances = [float(300 + n) for n in range(500)]
    batch = served.infer(*distances).json()["outputs"][0]["data"]
    alone = served.infer(distances[123]).json()["outputs"][0]["data"][0]
    assert batch[123] == pytest.approx(alone, abs=1e-12)
    assert served.log.count("board") == 501


def test_metadata_names_inputs_outputs_and_versions(served: Any) -> None:
    said = served.get("/v2/models/board").json()
    assert said["versions"] == ["1"]
    assert [column["name"] for column in said["inputs"]] == ["distance", "hour"]
    assert said["outputs"][0]["datatype"] == "FP64"
    assert served.get("/v2/models/board/versions/1").json() == said
    assert served.get("/v2/models/board/ready").json() == {"name": "board", "ready": True}
    assert served.get("/v2").json()["name"] == "towpath"
    assert served.get("/v2/health/live").json() == {"live": True}
    assert served.get("/v2/health/ready").json() == {"ready": True}


def test_model_name_is_an_alias_of_its_only_service(served: Any) -> None:
    assert served.post("/v2/models/late/infer", served.body()).json()["model_name"] == "board"


def tensor(**fields: Any) -> dict[str, Any]:
    return {"name": "distance", "shape": [1], "datatype": "FP64", "data": [600.0]} | fields


HOUR = {"name": "hour", "shape": [1], "datatype": "INT64", "data": [7]}


BAD_ROWS = {
    "missing column": ([tensor()], "hour"),
    "unknown column": ([tensor(), HOUR, tensor(name="wind")], "'wind'"),
    "column twice": ([tensor(), HOUR, tensor()], "twice"),
    "wrong type": ([tensor(data=["x"]), HOUR], "row 0"),
    "boolean is no number": ([tensor(data=[True]), HOUR], "not FP64"),
    "missing where not allowed": ([tensor(data=[None]), HOUR], "distance"),
    "datatype": ([tensor(datatype="FP8"), HOUR], "unknown datatype"),
    "shape and data": ([tensor(shape=[2]), HOUR], "1 values for shape"),
    "matrix among others": ([tensor(shape=[1, 2], data=[1, 2]), HOUR], "shape"),
    "matrix of other columns": ([tensor(shape=[1, 3], data=[1, 2, 3])], "[rows, 2]"),
    "matrix unfilled": ([tensor(shape=[2, 2], data=[1, 2, 3])], "3 values for shape"),
    "matrix uneven": ([tensor(shape=[2, 2], data=[[1, 2], [3]])], "nested unevenly"),
    "matrix of no numbers": ([tensor(shape=[1, 2], data=[1, "x"])], "not FP64"),
    "matrix without data": ([tensor(shape=[1, 2], data=None)], "no data"),
    "unequal rows": ([tensor(shape=[2], data=[1, 2]), HOUR], "1 rows"),
    "no rows": ([tensor(shape=[0], data=[])], "no rows"),
    "no inputs": ([], "no inputs"),
    "range": ([tensor(datatype="UINT8", data=[300]), HOUR], "not UINT8"),
    "half range": ([tensor(datatype="FP16", data=[70000]), HOUR], "not FP16"),
    "nested too deep": ([tensor(data=[[[1]]]), HOUR], "nested"),
    "no data": ([{**tensor(), "data": None}, HOUR], "no data"),
}


def test_rows_that_are_not_what_the_model_takes(served: Any, subtests: Any) -> None:
    for name, (inputs, says) in BAD_ROWS.items():
        with subtests.test(name):
            answer = served.post("/v2/models/board/infer", {"inputs": inputs})
            assert answer.status_code == 400, answer.text
            assert says in answer.json()["error"]
    assert served.log.count() == 0


BAD_BODIES = {
    b"{": "not JSON",
    b"": "empty",
    b'{"inputs": [{"name": "distance", "data": [NaN]}]}': "send null",
    b'{"inputs": 1}': "$.inputs",
    b'{"inputs": [], "parameters": {"key": 7}}': "$.parameters.key",
    b"[]": "Expected `object`",
}


def test_bodies_that_are_no_request(served: Any, subtests: Any) -> None:
    for content, says in BAD_BODIES.items():
        with subtests.test(content=content):
            answer = served.client.post(served.url + "/v2/models/board/infer", content=content)
            assert answer.status_code == 400
            assert says in answer.json()["error"]


def test_unknown_model_suggests_the_nearest(served: Any) -> None:
    answer = served.post("/v2/models/bord/infer", served.body())
    assert answer.status_code == 404
    assert "Did you mean 'board'?" in answer.json()["error"]
    assert served.post("/v2/models/board/versions/9/infer", served.body()).status_code == 404
    assert served.get("/v2/models/board/versions/9/ready").status_code == 404
    assert served.get("/v3").status_code == 404
    assert served.get("/v2/models/board/infer").status_code == 405
    assert served.post("/v2/health/live").status_code == 405


def test_oversized_bodies_are_refused_announced_or_not(bench: Any) -> None:
    bench.route(board=bench.service())
    bench.start(limits=Limits(body_bytes=1000))
    body = json.dumps(bench.body(*[1.0] * 500)).encode()
    url = bench.url + "/v2/models/board/infer"
    assert bench.client.post(url, content=body).status_code == 413
    chunks = (body[start : start + 400] for start in range(0, len(body), 400))
    answer = bench.client.post(url, content=chunks)
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["error"]
    assert bench.infer().status_code == 200


def test_compressed_bodies_are_named_as_not_taken(served: Any) -> None:
    url = served.url + "/v2/models/board/infer"
    answer = served.client.post(url, content=b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_wanted_outputs_are_selected_and_unknown_ones_refused(served: Any) -> None:
    (name,) = [output["name"] for output in served.get("/v2/models/board").json()["outputs"]]
    wanted = served.post("/v2/models/board/infer", served.body() | {"outputs": [{"name": name}]})
    assert [output["name"] for output in wanted.json()["outputs"]] == [name]
    refused = served.post("/v2/models/board/infer", served.body() | {"outputs": [{"name": "x"}]})
    assert refused.status_code == 400
    assert "'x'" in refused.json()["error"]


def test_token_is_asked_for_everywhere_but_at_health(bench: Any) -> None:
    bench.route(board=bench.service())
    bench.start(token="s3cret")
    assert bench.get("/v2/health/live").status_code == 200
    for path in ("/v2", "/v2/models/board", "/metrics", "/nowhere"):
        assert bench.get(path).status_code == 401
    assert bench.infer().status_code == 401
    assert bench.post("/v2/labels", {"labels": []}).status_code == 401
    authorized = {"Authorization": "Bearer s3cret"}
    answer = bench.post("/v2/models/board/infer", bench.body(), headers=authorized)
    assert answer.status_code == 200


def test_metrics_count_requests_and_latencies(served: Any) -> None:
    served.infer()
    served.post("/v2/models/board/infer", {"inputs": []})
    text = served.get("/metrics").text
    assert 'towpath_gateway_requests_total{service="board",status="200"} 1' in text
    assert 'towpath_gateway_requests_total{service="board",status="400"} 1' in text
    assert 'towpath_gateway_decisions_total{service="board",model="model:late@1"} 1' in text
    assert 'towpath_gateway_latency_seconds_bucket{service="board",le="+Inf"} 1' in text


def test_triton_client_works_unmodified_with_json(served: Any) -> None:
    import numpy as np
    from tritonclient import http

    client = http.InferenceServerClient(served.url.removeprefix("http://"))
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("board")
        assert client.get_model_metadata("board")["versions"] == ["1"]
        inputs = []
        for name, values in (
            ("distance", np.array([600.0, 400.0])),
            ("hour", np.array([7, 8], dtype=np.int64)),
        ):
            column = http.InferInput(name, [2], "FP64" if name == "distance" else "INT64")
            column.set_data_from_numpy(values, binary_data=False)
            inputs.append(column)
        result = client.infer("board", inputs, request_id="7")
        name = result.get_response()["outputs"][0]["name"]
        assert result.as_numpy(name).shape == (2,)
        assert result.get_response()["id"] == "7"
        with pytest.raises(Exception, match="no service or model"):
            client.infer("nobody", inputs)
    finally:
        client.close()
