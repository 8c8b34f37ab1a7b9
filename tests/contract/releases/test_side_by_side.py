"""Releases live side by side, drain, and are gone back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.contracts import Contract
from towpath.core.errors import Conflict, CorruptBlob, GateRefused, NotFound
from towpath.core.refs import Ref
from towpath.operate.releases import LineReconciler, Switching, forget

if TYPE_CHECKING:
    from conftest import Environment

ENV = "production"
OLD, NEW = "checkout-web@2.4.1", "checkout-web@2.5.0"


def spec(name: str) -> dict[str, Any]:
    return {"name": name, "datatype": "FP64", "shape": [-1], "nullable": False}


@pytest.fixture
def models(environment: Environment) -> tuple[Ref, Ref]:
    """A model that takes the distance, and a later one that takes the wind as well."""
    return environment.model("late", spec("distance")), environment.model(
        "late", spec("distance"), spec("wind")
    )


@pytest.fixture
def programs(environment: Environment) -> tuple[Any, Any]:
    """A version that sends the distance, and one that sends the wind as well."""
    old = environment.program(OLD, Contract("delay-board", inputs={"distance": float}))
    new = environment.program(
        NEW, Contract("delay-board", inputs={"distance": float, "wind": float})
    )
    return old, new


def beside(environment: Environment, models: dict[str, Ref], *said: Any, **options: Any) -> int:
    with environment.ledger.write() as tx:
        made = environment.releases.put_beside(
            tx, ENV, environment.pins(models, *said), reason="test", **options
        )
    return made.ref.version or 0


def serving(environment: Environment, said: str | None = None) -> str:
    route = environment.route()
    line = route.line_of(said)
    return (route if line is None else line).services["delay-board"].champion.model


def test_a_release_beside_the_default_is_for_its_versions_alone(
    environment: Environment, models: tuple[Ref, Ref], programs: tuple[Any, Any]
):
    first = environment.put({"delay-board": models[0]}, programs[0])
    second = beside(environment, {"delay-board": models[1]}, programs[1])
    route = environment.route()
    assert route.release == first
    assert [(one.release, one.service_versions) for one in route.lines] == [(second, (NEW,))]
    assert serving(environment) == serving(environment, OLD) == str(models[0])
    assert serving(environment, NEW) == str(models[1])
    assert route.known == (OLD, NEW)


def test_a_version_stays_behind_on_the_release_that_it_is_on(
    environment: Environment, models: tuple[Ref, Ref], programs: tuple[Any, Any]
):
    old, new = programs
    first = environment.put({"delay-board": models[0]}, old)
    with pytest.raises(GateRefused, match=f"--keep {OLD}"):
        environment.put({"delay-board": models[1]}, old, new)
    second = environment.put({"delay-board": models[1]}, old, new, keep=[old])
    route = environment.route()
    assert (route.release, [one.release for one in route.lines]) == (second, [first])
    assert serving(environment) == serving(environment, NEW) == str(models[1])
    assert serving(environment, OLD) == str(models[0])


def test_who_comes_to_the_default_leaves_its_line(
    environment: Environment, models: tuple[Ref, Ref], programs: tuple[Any, Any]
):
    environment.put({"delay-board": models[0]}, programs[0])
    beside(environment, {"delay-board": models[1]}, programs[1])
    environment.put({"delay-board": models[1]}, programs[1])
    assert environment.route().lines == ()


def test_only_who_is_on_the_default_can_be_kept_on_it(
    environment: Environment, models: tuple[Ref, Ref], programs: tuple[Any, Any]
):
    environment.put({"delay-board": models[0]}, programs[0])
    with pytest.raises(Conflict, match=NEW):
        environment.put({"delay-board": models[1]}, keep=[programs[1]])


def test_there_are_never_more_than_eight_beside(environment: Environment, models: tuple[Ref, Ref]):
    environment.put({"delay-board": models[0]})
    for number in range(8):
        beside(environment, {"delay-board": models[0]}, environment.program(f"app@{number}"))
    with pytest.raises(Conflict, match="towpath release drain"):
        beside(environment, {"delay-board": models[0]}, environment.program("app@8"))
    assert len(environment.route().lines) == 8


class TestDraining:
    """A release that nobody asks for any more goes; one that is asked for stays."""

    def turn(self, environment: Environment) -> None:
        with environment.ledger.write() as tx:
            tx.intents.wake("release_lines", ENV)
            held = tx.intents.claim(["release_lines"], owner="test", lease_s=5)
        assert held is not None
        LineReconciler(environment.ledger, environment.releases).reconcile(held)

    def heard(self, environment: Environment, at: datetime) -> None:
        with environment.ledger.write() as tx:
            tx.intents.put(
                "gateway", "g", project="towpath", spec={"environment": ENV}, due=False,
                status={"asked": {NEW: at.isoformat()}},
            )  # fmt: skip

    def begun(self, environment: Environment, ago: timedelta) -> None:
        """Have the line begin some time ago."""
        with environment.ledger.write() as tx:
            row = tx.intents.get("route", ENV)
            row.spec["lines"][0]["since"] = (datetime.now(UTC) - ago).isoformat()
            tx.intents.put("route", ENV, project="towpath", spec=row.spec, due=False)

    @pytest.fixture(autouse=True)
    def line(
        self, environment: Environment, models: tuple[Ref, Ref], programs: tuple[Any, Any]
    ) -> None:
        environment.put({"delay-board": models[0]}, programs[0])
        beside(environment, {"delay-board": models[1]}, programs[1], drain_s=3600)

    def test_a_new_line_is_given_its_time(self, environment: Environment):
        self.turn(environment)
        assert serving(environment, NEW) == "model:late@2"

    def test_nobody_asked(self, environment: Environment):
        self.begun(environment, timedelta(hours=2))
        self.turn(environment)
        assert environment.route().lines == ()
        assert serving(environment, NEW) == "model:late@1"

    def test_somebody_asked_and_is_remembered_when_the_gateway_is_gone(
        self, environment: Environment
    ):
        self.begun(environment, timedelta(hours=2))
        self.heard(environment, datetime.now(UTC) - timedelta(minutes=5))
        self.turn(environment)
        with environment.ledger.write() as tx:
            tx.intents.delete("gateway", "g")
        self.turn(environment)
        assert serving(environment, NEW) == "model:late@2"

    def test_a_condemned_model_goes_once_the_default_answers_as_well(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        with environment.ledger.write() as tx:
            tx.versions.set_state(models[1], "condemned", reason="test")
        self.turn(environment)
        assert environment.route().lines == ()


class TestWayBack:
    """One command back, to whatever can still be gone back to."""

    def switching(self, environment: Environment, *broken: Ref) -> Switching:
        def verify(ref: Ref) -> None:
            if ref in broken:
                raise CorruptBlob(f"the package of {ref} is broken")

        return Switching(environment.ledger, environment.releases, verify)

    def test_the_release_before_is_the_default_again_and_stands_by_the_other_way(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        first = environment.put({"delay-board": models[0]})
        second = environment.put({"delay-board": models[1]})
        share = environment.route().services["delay-board"]
        assert share.previous.model == str(models[0])
        made, passed = self.switching(environment).roll_back(ENV)
        route = environment.route()
        share = route.services["delay-board"]
        assert (made.ref.version, route.release, passed) == (first, first, {})
        assert share.champion.model == str(models[0])
        assert share.champion.release == first
        assert (share.previous.arm, share.previous.model) == ("standby", str(models[1]))
        assert share.left == str(models[1])
        assert second not in route.before

    def test_what_was_deleted_or_broken_is_passed_over(self, environment: Environment):
        versions = [environment.model("late", spec("distance")) for _ in range(4)]
        numbers = [environment.put({"delay-board": one}) for one in versions]
        with environment.ledger.write() as tx:
            tx.versions.set_state(versions[2], "deleted", reason="test")
        switching = self.switching(environment, versions[1])
        made, passed = switching.roll_back(ENV)
        assert made.ref.version == numbers[0]
        assert sorted(passed) == [numbers[1], numbers[2]]
        assert "deleted" in passed[numbers[2]]
        assert "broken" in passed[numbers[1]]

    def test_the_newest_model_need_not_be_there_to_go_back_from_it(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        environment.put({"delay-board": models[0]})
        environment.put({"delay-board": models[1]})
        with environment.ledger.write() as tx:
            tx.versions.set_state(models[1], "deleted", reason="test")
        self.switching(environment, models[1]).roll_back(ENV)
        share = environment.route().services["delay-board"]
        assert share.champion.model == str(models[0])
        assert share.previous is None

    def test_a_named_release_that_can_t_be_is_not_replaced_by_another(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        first = environment.put({"delay-board": models[0]})
        environment.put({"delay-board": models[1]})
        before = environment.route()
        with pytest.raises(GateRefused, match=f"release {first}: .*broken"):
            self.switching(environment, models[0]).roll_back(ENV, to=first)
        assert environment.route() == before

    def test_with_one_release_there_is_no_way_back(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        environment.put({"delay-board": models[0]})
        with pytest.raises(GateRefused, match="one release only"):
            self.switching(environment).roll_back(ENV)

    def test_a_service_that_came_since_stays(self, environment: Environment):
        late = [environment.model("late", spec("distance")) for _ in range(2)]
        eta = environment.model("arrival", spec("distance"))
        environment.put({"delay-board": late[0]})
        environment.put({"delay-board": late[1], "eta": eta})
        made, _ = self.switching(environment).roll_back(ENV)
        route = environment.route()
        assert route.services["delay-board"].champion.model == str(late[0])
        assert route.services["eta"].champion.model == str(eta)
        assert route.release == made.ref.version
        assert made.body["services"]["eta"]["model"] == str(eta)

    def test_a_rollout_of_what_changes_ends_and_another_goes_on(self, environment: Environment):
        late = [environment.model("late", spec("distance")) for _ in range(3)]
        eta = [environment.model("arrival", spec("distance")) for _ in range(2)]
        environment.put({"delay-board": late[0], "eta": eta[0]})
        environment.put({"delay-board": late[1], "eta": eta[0]})
        for service, challenger in (("delay-board", late[2]), ("eta", eta[1])):
            with environment.ledger.write() as tx:
                environment.releases.trials.split(
                    tx, environment=ENV, service=service, challenger=challenger, weight=0.1,
                    rollout=f"{service}.2", stage=0,
                )  # fmt: skip
        self.switching(environment).roll_back(ENV)
        services = environment.route().services
        assert services["delay-board"].rollout is None
        assert services["eta"].rollout == "eta.2"
        assert [arm.model for arm in services["eta"].arms] == [str(one) for one in eta]

    def test_nothing_waits_where_no_gateway_lives(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        environment.put({"delay-board": models[0]})
        switching = self.switching(environment)
        assert switching.wait(ENV, switching.generation(ENV)).gateways == 0

    def test_a_gateway_that_does_not_follow_is_named_with_its_reason(
        self, environment: Environment, models: tuple[Ref, Ref]
    ):
        environment.put({"delay-board": models[0]})
        switching = self.switching(environment)
        generation = switching.generation(ENV)
        now = datetime.now(UTC)
        states = {
            "here": ({"route_generation": generation}, now),
            "stuck": ({"route_generation": 0, "broken": ["delay-board"]}, now),
            "dead": ({"route_generation": 0}, now - timedelta(minutes=1)),
        }
        for name, (status, at) in states.items():
            with environment.ledger.write() as tx:
                tx.intents.put(
                    "gateway", name, project="towpath", due=False,
                    spec={"environment": ENV, "address": name},
                    status={**status, "at": at.isoformat()},
                )  # fmt: skip
        followed = switching.wait(ENV, generation, timeout_s=0.05)
        assert followed.gateways == 1
        assert list(followed.lagging) == ["stuck"]
        assert "delay-board" in followed.lagging["stuck"]


def test_a_standby_that_was_condemned_is_forgotten(
    environment: Environment, models: tuple[Ref, Ref]
):
    environment.put({"delay-board": models[0]})
    environment.put({"delay-board": models[1]})
    with environment.ledger.write() as tx:
        forget(tx, [models[0]])
    assert environment.route().services["delay-board"].previous is None


def test_two_rollouts_that_end_one_after_the_other_make_a_release_of_both(environment: Environment):
    late = [environment.model("late", spec("distance")) for _ in range(2)]
    eta = [environment.model("arrival", spec("distance")) for _ in range(2)]
    environment.put({"delay-board": late[0], "eta": eta[0]})
    for service, challenger in (("delay-board", late[1]), ("eta", eta[1])):
        with environment.ledger.write() as tx:
            environment.releases.trials.split(
                tx, environment=ENV, service=service, challenger=challenger, weight=0.1,
                rollout=service, stage=0,
            )  # fmt: skip
    for service in ("delay-board", "eta"):
        with environment.ledger.write() as tx:
            release = environment.releases.trials.promote(
                tx, environment=ENV, service=service, rollout=service
            )
    route = environment.route()
    assert route.release == release.ref.version
    assert {name: one["model"] for name, one in release.body["services"].items()} == {
        "delay-board": str(late[1]),
        "eta": str(eta[1]),
    }
    assert {one.champion.release for one in route.services.values()} == {route.release}


def test_an_unknown_release_is_named(environment: Environment, models: tuple[Ref, Ref]):
    environment.put({"delay-board": models[0]})
    with pytest.raises(NotFound), environment.ledger.write() as tx:
        environment.releases.restore(tx, ENV, 99, reason="test")
