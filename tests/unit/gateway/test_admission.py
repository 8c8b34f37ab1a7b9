"""Who is let in, and what the others are told."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from towpath.core.errors import DeadlineExceeded, InvalidRequest, Overloaded
from towpath.gateway.admission import RETRY_MOST_S, Admission, refuse_late
from towpath.gateway.limits import Limits
from towpath.gateway.metrics import GatewayMetrics

if TYPE_CHECKING:
    from collections.abc import Callable


def admission(**limits: Any) -> Admission:
    return Admission(Limits(**limits), GatewayMetrics())


def test_there_is_room_for_so_many_and_for_so_many_of_a_service():
    door = admission(in_flight=3, in_flight_per_service=2)
    board, other = [door.entry("board", None) for _ in range(3)], door.entry("other", None)
    for entry in board[:2]:
        entry.__enter__()
    with pytest.raises(Overloaded):
        board[2].__enter__()
    other.__enter__()
    with pytest.raises(Overloaded):
        door.entry("third", None).__enter__()
    for entry in (*board[:2], other):
        entry.__exit__(None, None, None)
    assert door.in_flight == 0
    with door.entry("third", None):
        assert door.in_flight == 1
    text = door.metrics.render().decode()
    assert 'refused_total{service="board",reason="overloaded"} 1' in text
    assert 'requests_total{service="board",status="429"} 1' in text


def test_room_is_given_back_however_a_request_ends():
    door = admission(in_flight=1)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), door.entry("board", None):
            raise error
    with door.entry("board", None):
        pass
    assert 'status="499"} 1' in door.metrics.render().decode()


def test_when_to_come_back_follows_from_the_pace(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    door = admission(in_flight=100)
    assert door.retry_after_s() == RETRY_MOST_S / 12  # nothing is known yet
    for _ in range(20):  # ten a second, for long enough to be believed
        now += 1.0
        for _ in range(10):
            with door.entry("board", None):
                pass
        door.tick()
    held = [door.entry("board", None) for _ in range(50)]
    for entry in held:
        entry.__enter__()
    assert door.retry_after_s() in (5, 6)
    for _ in range(40):  # and then nothing comes out any more
        now += 1.0
        door.tick()
    assert door.retry_after_s() == RETRY_MOST_S


@pytest.mark.parametrize("said", [b"soon", b"-5", b"0", b"1.5", b"9" * 30])
def test_a_deadline_is_a_number_of_milliseconds(said: bytes):
    with pytest.raises(InvalidRequest, match="milliseconds"):
        admission().deadline(said, 0.0)


def test_a_deadline_counts_from_the_first_byte_and_has_a_default():
    assert admission().deadline(b"250", 10.0) == 10.25
    assert admission().deadline(b"", 10.0) is None
    assert admission(deadline_s=2.0).deadline(b"", 10.0) == 12.0
    assert admission(deadline_s=2.0).deadline(b"5000", 10.0) == 15.0
    refuse_late(None)
    refuse_late(time.monotonic() + 60)
    with pytest.raises(DeadlineExceeded):
        refuse_late(time.monotonic())


class Held:
    """A model that answers batches when it is let go, and counts what it was asked."""

    def __init__(self, bench: Any) -> None:
        self.let_go = threading.Event()
        self.asked = threading.Semaphore(0)
        self.rows = 0
        self._blobs = bench.blobs

    def load(self, package: str) -> Any:
        from towpath.assets.models import load_predictor

        real = load_predictor(package, self._blobs)
        held, answer = self, real.answer

        class Slow(type(real)):
            def answer(self, rows: Any) -> Any:
                if len(rows) > 64:
                    held.rows += len(rows)
                    held.asked.release()
                    assert held.let_go.wait(20)
                return answer(rows)

        real.__class__ = Slow
        return real


@pytest.fixture
def held(bench: Any) -> Held:
    bench.route(board=bench.service(durability="relaxed"))
    return Held(bench)


def await_in_flight(bench: Any, count: int, unless: Callable[[], bool] = bool) -> None:
    told = f'towpath_gateway_in_flight{{worker="0"}} {count}'
    bench.eventually(lambda: told in bench.get("/metrics").text.splitlines() or unless(), told)


def test_beyond_the_bound_callers_are_told_when_to_come_back(bench: Any, held: Held) -> None:
    bench.start(load=held.load, limits=Limits(in_flight=2))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(bench.infer, *[600.0] * 65) for _ in range(2)]
        await_in_flight(bench, 2)
        refused = bench.infer()
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= RETRY_MOST_S
        assert refused.json()["code"] == "overloaded"
        assert bench.get("/v2/health/ready").status_code == 200
        held.let_go.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
    assert bench.infer().status_code == 200


def test_a_request_whose_time_was_up_in_the_queue_reaches_no_model(bench: Any, held: Held) -> None:
    bench.start(load=held.load)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(bench.infer, *[600.0] * 65)
        assert held.asked.acquire(timeout=20)
        late = pool.submit(
            bench.post,
            "/v2/models/board/infer",
            bench.body(*[600.0] * 70),
            headers={"towpath-deadline-ms": "1500"},
        )
        await_in_flight(bench, 2, unless=late.done)
        over = time.monotonic() + 1.5  # it is there: its time is up by then
        bench.eventually(lambda: time.monotonic() > over, "the deadline")
        held.let_go.set()
        assert first.result().status_code == 200
        answer = late.result()
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline-exceeded")
    assert held.rows == 65
    bench.eventually(lambda: bench.log.count("board") == 65, "the decisions of the first")


def test_grpc_calls_are_bounded_by_the_same_door(bench: Any, held: Held) -> None:
    from towpath.gateway.rpc.messages import SERVICE, message

    bench.start(load=held.load, limits=Limits(in_flight=1), rpc_address="127.0.0.1:0")
    bench.await_route(1)
    with bench.ledger.read() as tx:
        (row,) = tx.intents.list("gateway")
    request = message("ModelInferRequest")(model_name="board")
    distance = request.inputs.add(name="distance", datatype="FP64", shape=[1])
    distance.contents.fp64_contents.append(600.0)
    hour = request.inputs.add(name="hour", datatype="INT64", shape=[1])
    hour.contents.int64_contents.append(7)
    with grpc.insecure_channel(row.spec["rpc_address"]) as channel, ThreadPoolExecutor(1) as pool:
        call = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=message("ModelInferRequest").SerializeToString,
            response_deserializer=message("ModelInferResponse").FromString,
        )
        assert call(request, timeout=20).model_name == "board"
        waiting = pool.submit(bench.infer, *[600.0] * 65)
        assert held.asked.acquire(timeout=20)
        with pytest.raises(grpc.RpcError) as caught:
            call(request, timeout=20)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        trailing = dict(caught.value.trailing_metadata())
        assert int(trailing["grpc-retry-pushback-ms"]) >= 1000
        held.let_go.set()
        assert waiting.result().status_code == 200
