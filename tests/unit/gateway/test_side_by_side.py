"""A gateway answers each version of a program by its release, follows switches, and keeps the way back warm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from towpath.client import AsyncClient, Client, Contract, Retries
from towpath.core.contracts import ServiceVersion
from towpath.core.errors import (
    DeadlineExceeded,
    GateRefused,
    InfrastructureError,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from towpath.core.refs import Ref
from towpath.operate.releases import (
    Consumer,
    LedgerReleases,
    Pins,
    ReleaseChecker,
    Switching,
    register,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ENV = "production"
OLD, NEW = "checkout-web@2.4.1", "checkout-web@2.5.0"
ROW = {"distance": 600.0, "hour": 7}
NEEDS = Contract("board", inputs={"distance": float, "hour": int}, outputs={"late": "binary"})


class Released:
    """Two models of a service, and releases of them."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.releases = LedgerReleases(ReleaseChecker(bench.keyring))
        spec = {"environment": ENV, "model": "late", "subject_field": None, "durability": "ack"}
        with bench.ledger.write() as tx:
            tx.intents.put("service", "board", project="flights", spec=spec)
            for said in (OLD, NEW):
                name, _, version = said.partition("@")
                register(tx, Consumer(name, version=version, contracts=[NEEDS]), project="flights")
        self.switching = Switching(bench.ledger, self.releases, self._verify)

    def _verify(self, ref: Ref) -> None:
        from towpath.assets.models import ModelRegistry

        ModelRegistry(self.bench.ledger, self.bench.blobs, self.bench.keyring).verify(ref)

    def pins(self, number: int, *said: str) -> Pins:
        return Pins(
            models={"board": Ref("model", "late", number)},
            service_versions=frozenset(ServiceVersion.parse(one) for one in said),
        )

    def put(self, number: int, *said: str, beside: bool = False) -> str:
        """Release a model, wait until the gateway has it, and return the release."""
        put = self.releases.put_beside if beside else self.releases.put_in_force
        with self.bench.ledger.write() as tx:
            made = put(tx, ENV, self.pins(number, *said), reason="test")
        self.follow()
        return str(made.ref)

    def follow(self) -> None:
        followed = self.switching.wait(ENV, self.switching.generation(ENV), timeout_s=20)
        assert not followed.lagging

    def asked(self, said: str | None = None) -> dict[str, Any]:
        """Ask as a version of the program; return what the answer says of itself."""
        headers = {} if said is None else {"towpath-service-version": said}
        answer = self.bench.post("/v2/models/board/infer", self.bench.body(), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["parameters"]


@pytest.fixture
def released(bench: Any) -> Released:
    found = Released(bench)
    with bench.ledger.write() as tx:
        found.releases.put_in_force(tx, ENV, found.pins(1, OLD), reason="first")
    bench.start()
    bench.eventually(bench.reported, "a gateway that reports")
    return found


def test_each_version_is_answered_by_its_release(released: Released):
    second = released.put(2, NEW, beside=True)
    assert released.asked()["model"] == "model:late@1"
    assert released.asked(OLD)["model"] == "model:late@1"
    assert released.asked("app@9.9")["model"] == "model:late@1"
    told = released.asked(NEW)
    assert (told["model"], told["release"]) == ("model:late@2", second)
    metrics = released.bench.get("/metrics").text
    for said in (OLD, NEW, ""):
        assert f'stated_total{{service_version="{said}"}} 1' in metrics


def test_who_asks_is_kept_with_the_decision_and_told_to_the_ledger(released: Released):
    told = released.asked(OLD)
    decision = released.bench.log.find(told["decision_id"])
    assert decision.service_version == OLD
    assert decision.release == told["release"]
    released.bench.eventually(
        lambda: OLD in released.bench.reported().get("asked", {}), "a report of who asked"
    )


def test_the_parameter_counts_before_the_header(released: Released):
    released.put(2, NEW, beside=True)
    answer = released.bench.post(
        "/v2/models/board/infer",
        released.bench.body(service_version=NEW),
        headers={"towpath-service-version": OLD},
    )
    assert answer.json()["parameters"]["model"] == "model:late@2"


def test_unknown_versions_are_refused_where_the_environment_says_so(released: Released):
    with released.bench.ledger.write() as tx:
        released.releases.set_unknown(tx, ENV, "refuse")
    released.follow()
    headers = {"towpath-service-version": NEW}
    answer = released.bench.post("/v2/models/board/infer", released.bench.body(), headers=headers)
    assert answer.status_code == 400
    assert f"towpath release deploy --service-version {NEW}" in answer.json()["error"]
    assert released.asked(OLD)["model"] == "model:late@1"


def test_a_version_that_is_none_is_a_mistake_of_the_caller(released: Released):
    answer = released.bench.post(
        "/v2/models/board/infer",
        released.bench.body(),
        headers={"towpath-service-version": "nothing of the kind"},
    )
    assert answer.status_code == 400


def test_the_way_back_needs_no_bytes_that_are_gone(released: Released):
    """The model before stays loaded, so a gateway goes back to it whatever became of its package."""
    released.put(2)
    share = released.releases
    with released.bench.ledger.read() as tx:
        previous = share.route(tx, ENV).services["board"].previous
    assert previous is not None
    released.bench.eventually(
        lambda: released.bench.reported().get("standby_missing") == [], "a warm standby"
    )
    with released.bench.ledger.read() as tx:
        files = tx.versions.get(Ref("model", "late", 1)).body["files"]
    for digest in files.values():
        released.bench.blobs.delete(digest)
    with released.bench.ledger.write() as tx:
        released.releases.restore(tx, ENV, 1, reason="test")
    released.follow()
    assert released.asked()["model"] == "model:late@1"


def test_a_release_that_can_t_be_loaded_leaves_the_one_before_in_force(released: Released):
    with released.bench.ledger.read() as tx:
        files = tx.versions.get(Ref("model", "late", 2)).body["files"]
    for digest in files.values():
        released.bench.blobs.delete(digest)
    with released.bench.ledger.write() as tx:
        released.releases.put_in_force(tx, ENV, released.pins(2), reason="test")
    switching = released.switching
    released.bench.eventually(lambda: released.bench.reported().get("broken"), "a broken route")
    followed = switching.wait(ENV, switching.generation(ENV), timeout_s=0.1)
    assert "could not load board" in next(iter(followed.lagging.values()))
    assert released.asked()["model"] == "model:late@1"
    made, _ = switching.roll_back(ENV)
    assert str(made.ref) == "release:production@1"
    released.follow()
    assert released.asked()["model"] == "model:late@1"


class TestClient:
    """The client of the product's programs, against a gateway."""

    @pytest.fixture
    def client(self, released: Released) -> Iterator[Client]:
        with Client(released.bench.url, service_version=OLD, contracts=[NEEDS]) as client:
            yield client

    def test_it_says_which_release_it_is_in(self, released: Released, client: Client):
        released.put(2, NEW, beside=True)
        found = client.require()
        assert (found.ref, found.default, found.known) == (*[f"release:{ENV}@1"] * 2, True)
        assert found.services["board"]["model"] == "model:late@1"
        with Client(released.bench.url, service_version=NEW) as newer:
            assert newer.release().ref == f"release:{ENV}@2"
        with Client(released.bench.url, service_version="app@1") as unknown:
            assert not unknown.release().known

    def test_a_prediction_has_a_decision_that_labels_and_signals_name(
        self, released: Released, client: Client
    ):
        found = client.predict("board", ROW, key="flight-7")
        assert 0.0 <= found.value <= 1.0
        assert found.decision_id is not None
        client.label(found.decision_id, 1.0)
        client.signal("rebooked", decision_id=found.decision_id)
        decision = released.bench.log.find(found.decision_id)
        assert (decision.key, decision.service_version) == ("flight-7", OLD)

    def test_many_rows_come_back_in_order(self, client: Client):
        rows = [{"distance": 300.0, "hour": 1}, {"distance": 700.0, "hour": 1}]
        found = client.predict_many("board", rows, keys=["a", "b"])
        assert [one.value for one in found] == [client.predict("board", row).value for row in rows]
        assert len({one.decision_id for one in found}) == 2

    def test_it_is_there_for_event_loops_too(self, released: Released):
        async def ask() -> list[float]:
            async with AsyncClient(
                released.bench.url, service_version=OLD, contracts=[NEEDS]
            ) as client:
                release = await client.require()
                assert release.known
                found = await asyncio.gather(*(client.predict("board", ROW) for _ in range(5)))
                assert found[0].decision_id is not None
                await client.label(found[0].decision_id, 0.0)
                return [one.value for one in found]

        assert len(set(asyncio.run(ask()))) == 1

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ({"distance": 600.0}, "lack 'hour'"),
            ({"distance": 600.0, "hour": 7, "wind": 1.0}, "have 'wind'"),
            ({"distance": "far", "hour": 7}, "'distance'.*not FP64"),
            ({"distance": 600.0, "hour": 7.5}, "'hour'.*not INT64"),
            ({"distance": None, "hour": 7}, "'distance' has no value"),
        ],
    )
    def test_what_breaks_the_contract_is_not_sent(
        self, client: Client, row: dict[str, Any], words: str
    ):
        with pytest.raises(InvalidRequest, match=words):
            client.predict("board", row)

    def test_a_release_that_does_not_fit_is_told_at_the_start(self, released: Released):
        needs = Contract("board", inputs={"distance": float}, outputs={"delay": None})
        with (
            Client(released.bench.url, service_version="app@1", contracts=[needs]) as client,
            pytest.raises(
                GateRefused, match=r"(?s)'hour'.*does not send.*reads the output 'delay'"
            ),
        ):
            client.require()

    def test_what_the_gateway_refuses_is_an_error_of_its_kind(self, client: Client):
        with pytest.raises(NotFound):
            client.predict("nothing", ROW)

    def test_a_deadline_goes_with_the_call(self, client: Client):
        with pytest.raises(DeadlineExceeded):
            client.predict("board", ROW, deadline_s=1e-9)

    def test_where_no_gateway_answers_a_program_may_answer_itself(self):
        def guess(service: str, row: Any) -> dict[str, float]:
            return {"late": row["distance"] / 10_000}

        retries = Retries(most=1, first_s=0.001)
        url = "http://127.0.0.1:9"  # nobody listens on the discard port
        with Client(url, retries=retries, fallback=guess) as client:
            found = client.predict("board", ROW)
            assert (found.value, found.arm, found.decision_id) == (0.06, "fallback", None)
            with pytest.raises(Unavailable, match="can't be reached"):
                client.release()


class TestRetries:
    """What may be asked for again is; what could make two decisions is not."""

    def answers(self, *statuses: int | Exception) -> tuple[httpx.MockTransport, list[str]]:
        """Return a network that fails in ways that no gateway can be told to, and what went over it."""
        seen: list[str] = []
        left = list(statuses)

        def handle(request: httpx.Request) -> httpx.Response:
            seen.append(request.url.path)
            now = left.pop(0) if left else 200
            if isinstance(now, Exception):
                raise now
            return httpx.Response(now, json={"error": "no", "accepted": 1})

        return httpx.MockTransport(handle), seen

    def client(self, transport: httpx.MockTransport) -> Client:
        return Client("http://gateway", transport=transport, retries=Retries(first_s=0.001))

    @pytest.mark.parametrize(
        ("failure", "times"),
        [
            (429, 4),
            (httpx.ConnectError("refused"), 4),
            (503, 1),
            (httpx.ReadError("gone"), 1),
            (httpx.ReadTimeout("slow"), 1),
        ],
    )
    def test_a_prediction_only_where_it_can_t_have_begun(
        self, failure: int | Exception, times: int
    ):
        transport, seen = self.answers(*[failure] * 9)
        with pytest.raises(InfrastructureError):
            self.client(transport).predict("board", ROW)
        assert len(seen) == times

    def test_a_label_whatever_happened(self):
        transport, seen = self.answers(503, httpx.ReadError("gone"), httpx.ReadTimeout("slow"))
        self.client(transport).label("0198f3c2-0000-7000-8000-000000000000", 1.0)
        assert len(seen) == 4

    def test_a_label_that_is_wrong_is_not_said_again(self):
        transport, seen = self.answers(400)
        with pytest.raises(InvalidRequest):
            self.client(transport).label("x", 1.0)
        assert len(seen) == 1
