"""What releases promise, over every ledger."""

import pytest

from towpath.core.errors import Conflict, GateRefused, NotFound
from towpath.core.refs import Ref
from towpath.ledger import Ledger
from towpath.operate.releases import LedgerReleases, withdraw

ENV, SERVICE = "production", "delay-board"
ROLLOUT = "delay-board.2"


@pytest.fixture
def releases(ledger: Ledger) -> LedgerReleases:
    """Three approved versions of `late`, a rejected fourth, and a service that wants them."""
    with ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        for number, state in enumerate(["approved"] * 3 + ["rejected"], start=1):
            tx.versions.commit(
                "model", "late", digest=f"{number}", body={"package": f"p{number}"}, state=state
            )
        spec = {"subject_field": "tailnum", "durability": "ack", "model": "late"}
        tx.intents.put("service", SERVICE, project="flights", spec=spec)
    return LedgerReleases()


def model(number: int) -> Ref:
    return Ref("model", "late", number)


def deploy(ledger: Ledger, releases: LedgerReleases, number: int):
    with ledger.write() as tx:
        return releases.deploy(
            tx, environment=ENV, service=SERVICE, model=model(number), reason="test"
        )


def split(ledger: Ledger, releases: LedgerReleases, weight: float, rollout: str = ROLLOUT):
    with ledger.write() as tx:
        releases.trials.split(
            tx, environment=ENV, service=SERVICE, challenger=model(2), weight=weight,
            rollout=rollout, stage=0,
        )  # fmt: skip


def arms(ledger: Ledger, releases: LedgerReleases) -> list[tuple[str, str, float]]:
    with ledger.read() as tx:
        route = releases.route(tx, ENV).services[SERVICE]
    return [(arm.arm, arm.model, arm.weight) for arm in route.arms]


def test_before_the_first_deployment_there_is_no_champion(ledger: Ledger, releases: LedgerReleases):
    with ledger.read() as tx:
        assert releases.champion(tx, ENV, SERVICE) is None


def test_a_deployment_takes_all_traffic_and_is_a_release_in_the_graph(
    ledger: Ledger, releases: LedgerReleases
):
    release = deploy(ledger, releases, 1)
    assert arms(ledger, releases) == [("champion", "model:late@1", 1.0)]
    with ledger.read() as tx:
        assert model(1) in tx.graph.trace(release.ref).nodes
        assert release.ref in tx.graph.impact(model(1)).nodes


def test_a_model_that_failed_its_gates_is_not_deployable(ledger: Ledger, releases: LedgerReleases):
    with pytest.raises(GateRefused, match="rejected"):
        deploy(ledger, releases, 4)
    with ledger.read() as tx:
        assert tx.versions.list("release") == []


def test_an_unknown_service_is_named(ledger: Ledger, releases: LedgerReleases):
    with pytest.raises(NotFound, match=r"delay-bord.*delay-board"), ledger.write() as tx:
        releases.deploy(tx, environment=ENV, service="delay-bord", model=model(1), reason="a slip")


def test_a_split_shares_traffic_and_makes_one_release_per_rollout(
    ledger: Ledger, releases: LedgerReleases
):
    deploy(ledger, releases, 1)
    split(ledger, releases, 0.1)
    split(ledger, releases, 0.5)
    assert arms(ledger, releases) == [
        ("champion", "model:late@1", 0.5),
        ("challenger", "model:late@2", 0.5),
    ]
    with ledger.read() as tx:
        assert [one.ref.version for one in tx.versions.list("release", ENV)] == [2, 1]


def test_the_salt_stays_the_same_through_a_rollout(ledger: Ledger, releases: LedgerReleases):
    deploy(ledger, releases, 1)
    salts = []
    for weight in (0.1, 0.5):
        split(ledger, releases, weight)
        with ledger.read() as tx:
            salts.append(releases.route(tx, ENV).services[SERVICE].salt)
    assert salts == [ROLLOUT, ROLLOUT]


def test_a_second_rollout_is_kept_out(ledger: Ledger, releases: LedgerReleases):
    deploy(ledger, releases, 1)
    split(ledger, releases, 0.1)
    with pytest.raises(Conflict, match=ROLLOUT):
        split(ledger, releases, 0.1, rollout="another")
    with pytest.raises(Conflict, match=ROLLOUT):
        deploy(ledger, releases, 3)


def test_promotion_makes_the_challenger_the_champion(ledger: Ledger, releases: LedgerReleases):
    deploy(ledger, releases, 1)
    split(ledger, releases, 0.5)
    with ledger.write() as tx:
        release = releases.trials.promote(tx, environment=ENV, service=SERVICE, rollout=ROLLOUT)
    assert arms(ledger, releases) == [("champion", "model:late@2", 1.0)]
    assert release.body["services"][SERVICE]["model"] == "model:late@2"


def test_a_rollback_returns_all_traffic_and_doing_it_twice_is_harmless(
    ledger: Ledger, releases: LedgerReleases
):
    deploy(ledger, releases, 1)
    split(ledger, releases, 0.5)
    for _ in range(2):
        with ledger.write() as tx:
            releases.trials.roll_back(tx, environment=ENV, service=SERVICE, rollout=ROLLOUT)
    assert arms(ledger, releases) == [("champion", "model:late@1", 1.0)]


def test_what_is_not_in_the_rollout_is_not_promoted(ledger: Ledger, releases: LedgerReleases):
    deploy(ledger, releases, 1)
    with pytest.raises(Conflict, match="not in rollout"), ledger.write() as tx:
        releases.trials.promote(tx, environment=ENV, service=SERVICE, rollout=ROLLOUT)


def test_a_release_pins_every_service_of_the_environment(ledger: Ledger, releases: LedgerReleases):
    deploy(ledger, releases, 1)
    with ledger.write() as tx:
        spec = {"subject_field": None, "durability": "relaxed", "model": "late"}
        tx.intents.put("service", "kiosk", project="flights", spec=spec)
        release = releases.deploy(
            tx, environment=ENV, service="kiosk", model=model(2), reason="test"
        )
    chosen = {name: part["model"] for name, part in release.body["services"].items()}
    assert chosen == {SERVICE: "model:late@1", "kiosk": "model:late@2"}


def test_a_withdrawn_service_leaves_the_route_and_others_stay(
    ledger: Ledger, releases: LedgerReleases
):
    deploy(ledger, releases, 1)
    for _ in range(2):
        with ledger.write() as tx:
            withdraw(tx, environment=ENV, service=SERVICE)
    with ledger.read() as tx:
        assert releases.route(tx, ENV).services == {}
        assert releases.champion(tx, ENV, SERVICE) is None
