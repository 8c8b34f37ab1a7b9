"""A release goes in force only if every program that goes with it gets what it needs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import ManualClock, parse_time
from towpath.core.contracts import Contract
from towpath.core.errors import Conflict, GateRefused, NotFound
from towpath.operate.releases import (
    Consumer,
    LedgerReleases,
    ReleaseChecker,
    ServiceReconciler,
    find_consumer,
    register,
)

if TYPE_CHECKING:
    from conftest import Environment

WEB = "checkout-web@2.4.1"
NOW = parse_time("2013-03-01T00:00Z")


def spec(name: str, datatype: str = "FP64", *, nullable: bool = False) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1], "nullable": nullable}


@pytest.mark.parametrize(
    ("model", "contract", "field", "words"),
    [
        (([spec("distance"), spec("wind")], "late", "binary"), {}, "wind", "does not send"),
        (([spec("distance", "INT64")], "late", "binary"), {}, "distance", "as FP64.*takes INT64"),
        (([spec("distance", "BYTES")], "late", "binary"), {}, "distance", "takes BYTES"),
        (
            ([spec("distance"), spec("hour", "INT8")], "late", "binary"),
            {"inputs": {"distance": float, "hour": int}},
            "hour",
            "as INT64.*takes INT8",
        ),
        (
            ([spec("distance")], "late", "binary"),
            {"inputs": {"distance": float | None}},
            "distance",
            "no missing value",
        ),
        (([spec("distance")], "risk", "binary"), {}, "late", "does not give"),
        (([spec("distance")], "late", "regression"), {}, "late", "as 'binary'.*'regression'"),
        (([spec("distance")], "late", "binary"), {"models": ">=2"}, None, "none of them"),
    ],
)
def test_what_breaks_a_contract_is_named(
    environment: Environment,
    model: tuple[list[dict[str, Any]], str, str],
    contract: dict[str, Any],
    field: str | None,
    words: str,
):
    inputs, output, task = model
    ref = environment.model("late", *inputs, outputs=(output,), task=task)
    needs = {"inputs": {"distance": float}, "outputs": {"late": "binary"}, **contract}
    said = environment.program(WEB, Contract("delay-board", **needs))
    with pytest.raises(GateRefused, match=words) as refused:
        environment.put({"delay-board": ref}, said)
    assert refused.value.exit_code == 3
    (finding,) = refused.value.fields["findings"]  # pyright: ignore[reportGeneralTypeIssues]
    assert finding["service"] == "delay-board"
    assert finding["model"] == str(ref)
    assert finding["service_version"] == WEB
    assert finding["field"] == field
    assert finding["remedy"]
    assert environment.route().services == {}


def test_what_fits_goes_in_force_and_the_way_both_ways_is_in_the_graph(environment: Environment):
    model = environment.model(
        "late", spec("distance"), spec("hour", nullable=True), spec("carrier", "BYTES")
    )
    said = environment.program(
        WEB,
        Contract(
            "delay-board",
            inputs={"distance": int, "hour": float | None, "carrier": str, "more": bool},
            outputs={"late": None},
            models=">=1, <9",
        ),
    )
    number = environment.put({"delay-board": model}, said)
    route = environment.route()
    assert route.release == number
    assert route.known == (WEB,)
    assert set(route.services["delay-board"].also) == {"distance", "hour", "carrier", "more"}
    with environment.ledger.read() as tx:
        release = tx.versions.latest("release", "production")
        assert release is not None
        kinds = {ref.kind for ref in tx.graph.trace(release.ref).nodes}
        assert {"model", "consumer", "service"} <= kinds
        consumer = tx.versions.list("consumer", "checkout-web")[0]
        assert release.ref in tx.graph.impact(consumer.ref).nodes


def test_a_dry_run_changes_nothing_and_a_matrix_says_who_is_refused(environment: Environment):
    late = environment.model("late", spec("distance"), spec("wind"))
    arrival = environment.model(
        "arrival", spec("distance"), outputs=("minutes",), task="regression"
    )
    web = environment.program(
        WEB,
        Contract("delay-board", inputs={"distance": float}),
        Contract("eta", inputs={"distance": float}, outputs={"minutes": "regression"}),
    )
    app = environment.program(
        "app@1", Contract("delay-board", inputs={"distance": float, "wind": float})
    )
    check = environment.check({"delay-board": late, "eta": arrival}, web, app)
    assert not check.passes
    verdicts = {
        (said, service): check.verdict_on(said, service)
        for said in check.service_versions
        for service in check.models
    }
    assert verdicts == {
        (WEB, "delay-board"): "refused",
        (WEB, "eta"): "ok",
        ("app@1", "delay-board"): "ok",
        ("app@1", "eta"): "ok",
    }
    with environment.ledger.read() as tx:
        assert tx.versions.list("release") == []
        assert tx.intents.find("route", "production") is None


def test_a_service_that_is_not_in_the_release_is_missed(environment: Environment):
    late = environment.model("late", spec("distance"))
    said = environment.program(WEB, Contract("eta"))
    with pytest.raises(GateRefused, match="'eta', which the release does not have"):
        environment.put({"delay-board": late}, said)


def test_an_unsigned_model_is_refused_where_signatures_count(
    environment: Environment, keyring: Any
):
    late = environment.model("late", spec("distance"))
    releases = LedgerReleases(ReleaseChecker(keyring))
    with pytest.raises(GateRefused, match="carries no signature"), environment.ledger.write() as tx:
        releases.put_in_force(
            tx, "production", environment.pins({"delay-board": late}), reason="test"
        )


def test_a_registered_version_never_changes_its_contracts(environment: Environment):
    said = environment.program(WEB, Contract("delay-board", inputs={"distance": float}))
    assert environment.program(WEB, Contract("delay-board", inputs={"distance": float})) == said
    with pytest.raises(Conflict, match="other contracts"):
        environment.program(WEB, Contract("delay-board", inputs={"distance": int}))
    with environment.ledger.read() as tx:
        assert len(tx.versions.list("consumer", "checkout-web")) == 1


def test_versions_are_found_by_whatever_a_build_calls_them(environment: Environment):
    texts = ["checkout-web@2.5.0-RC1", "checkout-web@2.5.0-rc1", "checkout-web@2.5.0+build.7"]
    said = [
        environment.program(one, Contract(name)) for one, name in zip(texts, "abc", strict=True)
    ]
    with environment.ledger.read() as tx:
        found = [find_consumer(tx, one) for one in said]
    assert [one and one.body["contracts"][0]["service"] for one in found] == ["a", "b", "c"]


def test_a_version_that_was_never_registered_is_named(environment: Environment):
    late = environment.model("late", spec("distance"))
    web = environment.program(WEB, Contract("delay-board", inputs={"distance": float}))
    slip = type(web)("checkout-web", "2.4.2")
    with pytest.raises(NotFound, match=r"checkout-web@2\.4\.2"):
        environment.put({"delay-board": late}, slip)


class TestFeatures:
    """Features that a contract looks up count as sent, if they are there."""

    @pytest.fixture
    def view(self, environment: Environment) -> dict[str, Any]:
        with environment.ledger.write() as tx:
            tx.versions.declare("features", "weather", project="flights")
            columns = [{"name": "wind", "type": "float64", "nullable": False, "description": ""}]
            tx.versions.commit(
                "features", "weather", digest="w", body={"declared": {"features": columns}}
            )
        return {"features": ["weather"], "inputs": {"distance": float}}

    def online(self, environment: Environment, **status: Any) -> None:
        with environment.ledger.write() as tx:
            tx.intents.put(
                "feature_view",
                "weather",
                project="flights",
                spec={"name": "weather", "ttl_s": 3600.0},
                status=status,
            )

    def put(self, environment: Environment, view: dict[str, Any], after: timedelta) -> None:
        late = environment.model("late", spec("distance"), spec("wind"))
        said = environment.program(WEB, Contract("delay-board", **view))
        releases = LedgerReleases(ReleaseChecker(clock=ManualClock(NOW + after)))
        with environment.ledger.write() as tx:
            releases.put_in_force(
                tx, "production", environment.pins({"delay-board": late}, said), reason="test"
            )

    def test_fresh_ones_fill_what_is_not_sent(self, environment: Environment, view: dict[str, Any]):
        self.online(environment, ref="features:weather@1", at=NOW.isoformat())
        self.put(environment, view, timedelta(minutes=59))
        with environment.ledger.read() as tx:
            release = tx.versions.latest("release", "production")
            assert release is not None
            assert "features" in {ref.kind for ref in tx.graph.trace(release.ref).nodes}

    def test_stale_ones_are_refused(self, environment: Environment, view: dict[str, Any]):
        self.online(environment, ref="features:weather@1", at=NOW.isoformat())
        with pytest.raises(GateRefused, match=r"'weather'.*is stale"):
            self.put(environment, view, timedelta(minutes=61))

    def test_those_grown_stale_hold_back_nobody_who_has_them_already(
        self, environment: Environment, view: dict[str, Any]
    ):
        self.online(environment, ref="features:weather@1", at=NOW.isoformat())
        self.put(environment, view, timedelta(minutes=59))
        releases = LedgerReleases(ReleaseChecker(clock=ManualClock(NOW + timedelta(minutes=61))))
        newer = environment.model("late", spec("distance"), spec("wind"))
        with environment.ledger.write() as tx:
            pins = releases.pins(tx, "production").with_models({"delay-board": newer})
            (late,) = releases.check(tx, "production", pins).findings
            assert (late.verdict, late.field) == ("warning", "weather")
            releases.put_in_force(tx, "production", pins, reason="a newer model")
            releases.restore(tx, "production", 1, reason="back again")

    def test_those_never_materialised_are_refused(
        self, environment: Environment, view: dict[str, Any]
    ):
        self.online(environment)
        with pytest.raises(GateRefused, match="never materialised"):
            self.put(environment, view, timedelta())

    def test_those_not_online_are_refused(self, environment: Environment, view: dict[str, Any]):
        with pytest.raises(GateRefused, match="is not online"):
            self.put(environment, view, timedelta())

    def test_those_nobody_declared_are_refused(self, environment: Environment):
        with pytest.raises(GateRefused, match="'weather', which do not exist"):
            self.put(environment, {"features": ["weather"]}, timedelta())


def test_a_newer_model_that_breaks_a_contract_is_held_back_and_told_once(environment: Environment):
    first = environment.model("late", spec("distance"))
    said = environment.program(WEB, Contract("delay-board", inputs={"distance": float}))
    environment.put({"delay-board": first}, said)
    environment.model("late", spec("distance"), spec("wind"))
    reconciler = ServiceReconciler(environment.ledger, environment.releases)
    for _ in range(2):
        with environment.ledger.write() as tx:
            tx.intents.wake("service", "delay-board")
            tx.intents.delete("service", "eta")
            held = tx.intents.claim(["service"], owner="test", lease_s=5)
        assert held is not None
        reconciler.reconcile(held)
    with environment.ledger.read() as tx:
        row = tx.intents.get("service", "delay-board")
        assert tx.intents.list("rollout") == []
        told = [one for one in tx.events.read() if one.type == "release.refused"]
    assert row.status["refused"] == "model:late@2"
    assert row.status["findings"][0]["field"] == "wind"
    assert len(told) == 1


def test_a_challenger_that_breaks_a_contract_gets_no_traffic(environment: Environment):
    first = environment.model("late", spec("distance"))
    second = environment.model("late", spec("wind"))
    said = environment.program(WEB, Contract("delay-board", inputs={"distance": float}))
    environment.put({"delay-board": first}, said)
    before = environment.route()
    with pytest.raises(GateRefused, match="wind"), environment.ledger.write() as tx:
        environment.releases.trials.split(
            tx, environment="production", service="delay-board", challenger=second, weight=0.0,
            rollout="r", stage=0, arm="shadow",
        )  # fmt: skip
    assert environment.route() == before


def test_a_program_is_held_to_the_challenger_beside_its_model_too(environment: Environment):
    first = environment.model("late", spec("distance"))
    second = environment.model("late", spec("distance"), spec("wind"))
    environment.put({"delay-board": first})
    with environment.ledger.write() as tx:
        environment.releases.trials.split(
            tx, environment="production", service="delay-board", challenger=second, weight=0.1,
            rollout="r", stage=0,
        )  # fmt: skip
    said = environment.program(WEB, Contract("delay-board", inputs={"distance": float}))
    with pytest.raises(GateRefused, match="model:late@2 takes the input 'wind'"):
        environment.put({"delay-board": first}, said)


def test_a_consumer_of_another_project_keeps_its_name(environment: Environment):
    environment.program(WEB)
    with pytest.raises(Conflict), environment.ledger.write() as tx:
        register(tx, Consumer("checkout-web", version="3"), project="other")


def test_models_that_an_erasure_condemned_are_replaced_one_after_the_other(
    environment: Environment,
):
    """Neither waits for the other, or both would serve for ever."""
    late = [environment.model("late", spec("distance")) for _ in range(2)]
    eta = [environment.model("arrival", spec("distance")) for _ in range(2)]
    said = environment.program(
        WEB, *(Contract(one, inputs={"distance": float}) for one in ("delay-board", "eta"))
    )
    environment.put({"delay-board": late[0], "eta": eta[0]}, said)
    with environment.ledger.write() as tx:
        for one in (late[0], eta[0]):
            tx.versions.set_state(one, "condemned", reason="test")
    for service, heir in (("delay-board", late[1]), ("eta", eta[1])):
        with environment.ledger.write() as tx:
            environment.releases.trials.split(
                tx, environment="production", service=service, challenger=heir, weight=1.0,
                rollout=service, stage=0,
            )  # fmt: skip
        with environment.ledger.write() as tx:
            environment.releases.trials.promote(
                tx, environment="production", service=service, rollout=service
            )
    services = environment.route().services
    assert [one.champion.ref for one in services.values()] == [late[1], eta[1]]
    assert [one.previous for one in services.values()] == [None, None]


def test_a_condemned_model_is_told_and_can_t_come_back(environment: Environment):
    late = [environment.model("late", spec("distance")) for _ in range(2)]
    environment.put({"delay-board": late[0]})
    with environment.ledger.write() as tx:
        tx.versions.set_state(late[0], "condemned", reason="test")
    check = environment.check({"delay-board": late[0]})
    assert check.passes
    assert [one.verdict for one in check.findings] == ["warning"]
    environment.put({"delay-board": late[1]})
    with pytest.raises(GateRefused, match="condemned, not approved"):
        environment.put({"delay-board": late[0]})
