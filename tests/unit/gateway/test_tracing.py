"""Requests and calls become spans: with their decision, within the caller's trace, and without anybody's data."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from span_receiver import SpanReceiver

from towpath.app.telemetry import open_spans
from towpath.gateway.rpc.messages import SERVICE, message
from towpath.gateway.tracing import traced

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def watched(bench: Any) -> Iterator[tuple[Any, Any]]:
    """A gateway that traces, and what ends the tracing and returns the spans."""
    pytest.importorskip("opentelemetry.sdk")
    with SpanReceiver() as receiver:
        spans = open_spans("gateway", endpoint=receiver.url, environ={})
        bench.route(board=bench.service())
        bench.start(spans=spans, rpc_address="127.0.0.1:0")

        def sent() -> list[dict[str, Any]]:
            spans.close()
            return receiver.spans

        yield bench, sent


def test_a_request_is_a_span_of_the_callers_trace_with_its_decision(watched: Any) -> None:
    gateway, sent = watched
    answer = gateway.post(
        "/v2/models/board/infer", gateway.body(600.0), headers={"traceparent": PARENT}
    )
    (span,) = sent()
    assert (span["trace"], span["parent"]) == (TRACE, PARENT[36:52])
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{span['id']}-01"
    assert (span["name"], span["service"]) == ("POST /v2/models/{model}/infer", "towpath-gateway")
    assert span["kind"] == 2  # server
    assert span["attributes"] == {
        "http.request.method": "POST",
        "http.route": "/v2/models/{model}/infer",
        "http.response.status_code": 200,
        "towpath.service": "board",
        "towpath.decision_id": answer.json()["parameters"]["decision_id"],
        "towpath.model": "model:late@1",
    }
    assert not span["failed"]


@pytest.mark.parametrize(
    "given", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", PARENT + "-more"]
)
def test_a_malformed_parent_begins_a_trace_of_its_own(watched: Any, given: str) -> None:
    gateway, sent = watched
    gateway.post("/v2/models/board/infer", gateway.body(), headers={"traceparent": given})
    (span,) = sent()
    assert span["parent"] == ""
    assert span["trace"] not in (TRACE, "0" * 32)


def test_who_is_not_sampled_by_the_caller_is_not_sent(watched: Any) -> None:
    gateway, sent = watched
    answer = gateway.post(
        "/v2/models/board/infer", gateway.body(), headers={"traceparent": PARENT[:-2] + "00"}
    )
    assert answer.headers["traceresponse"].endswith("-00")
    assert sent() == []


def test_no_span_holds_what_a_caller_sent(watched: Any) -> None:
    gateway, sent = watched
    said = gateway.body(612.5, subject="N-SECRET", key="K-SECRET") | {
        "id": 'I-SECRET","decision_id":"11111111-1111-1111-1111-111111111111'
    }
    answer = gateway.post("/v2/models/board/infer", said, headers={"x-name": "H-SECRET"})
    assert answer.status_code == 200
    gateway.post("/v2/models/M-SECRET/infer?who=Q-SECRET", said)
    gateway.get("/P-SECRET/x")
    shown = json.dumps(sent())
    assert not re.search(r"SECRET|612\.5|11111111", shown)
    assert answer.json()["parameters"]["decision_id"] in shown


def test_failures_are_told_apart_from_refusals_and_probes_are_left_out(watched: Any) -> None:
    gateway, sent = watched
    gateway.get("/v2/health/ready")
    gateway.get("/metrics")
    gateway.get("/ping")
    gateway.post("/v2/models/board/infer", {"inputs": []})
    (span,) = sent()
    assert span["attributes"]["http.response.status_code"] == 400
    assert not span["failed"]


@pytest.fixture
def called(watched: Any) -> Iterator[tuple[Any, Any, Any]]:
    """The same gateway, a caller over gRPC, and what ends the tracing and returns the spans."""
    gateway, sent = watched
    with gateway.ledger.read() as tx:
        address = tx.intents.list("gateway")[0].spec["rpc_address"]
    with grpc.insecure_channel(address) as channel:

        def call(method: str, *metadata: tuple[str, str], **fields: Any) -> Any:
            asked = channel.unary_unary(
                f"/{SERVICE}/{method}",
                request_serializer=message(f"{method}Request").SerializeToString,
                response_deserializer=message(f"{method}Response").FromString,
            )
            return asked.with_call(
                message(f"{method}Request")(**fields), timeout=20, metadata=metadata
            )

        yield gateway, call, sent


def row(distance: float) -> list[dict[str, Any]]:
    return [
        {
            "name": "distance",
            "shape": [1],
            "datatype": "FP64",
            "contents": {"fp64_contents": [distance]},
        },
        {"name": "hour", "shape": [1], "datatype": "INT64", "contents": {"int64_contents": [7]}},
    ]


def test_a_call_is_a_span_of_the_callers_trace_with_its_decision(called: Any) -> None:
    _, call, sent = called
    answer, ended = call(
        "ModelInfer", ("traceparent", PARENT), model_name="board", inputs=row(600.0)
    )
    said = {one.key: one.value.string_param for one in answer.parameters}
    (span,) = sent()
    assert (span["trace"], span["parent"]) == (TRACE, PARENT[36:52])
    assert dict(ended.trailing_metadata())["traceresponse"] == f"00-{TRACE}-{span['id']}-01"
    assert (span["name"], span["kind"]) == (f"{SERVICE}/ModelInfer", 2)
    assert span["attributes"] == {
        "rpc.system": "grpc",
        "rpc.service": SERVICE,
        "rpc.method": "ModelInfer",
        "rpc.grpc.status_code": 0,
        "towpath.service": "board",
        "towpath.decision_id": said["decision_id"],
        "towpath.model": "model:late@1",
    }
    assert not span["failed"]


def test_calls_that_fail_are_told_apart_and_no_probe_or_value_is_traced(called: Any) -> None:
    gateway, call, sent = called
    call("ServerLive")
    call("ServerReady")
    for name in ("board", "M-SECRET"):
        with pytest.raises(grpc.RpcError):
            call("ModelInfer", ("x-name", "H-SECRET"), model_name=name, inputs=row(612.5)[:1])
    gateway.route(
        broken=gateway.service(arms=[gateway.service()["arms"][0] | {"package": "0" * 64}])
    )
    gateway.eventually(lambda: gateway.reported().get("broken") == ["broken"], "a broken service")
    with pytest.raises(grpc.RpcError):
        call("ModelInfer", model_name="broken", inputs=row(1.0))
    spans = sent()
    codes = [one["attributes"]["rpc.grpc.status_code"] for one in spans]
    assert codes == [3, 5, 14]  # invalid argument, not found, unavailable
    assert [one["failed"] for one in spans] == [False, False, True]
    assert not re.search(r"SECRET|612\.5", json.dumps(spans))


def test_without_spans_nothing_stands_between_socket_and_application() -> None:
    app: Any = object()
    assert traced(app, None) is app
