"""A service follows the newest approved version of its model, one trial at a time."""

import pytest

from towpath.ledger import Ledger
from towpath.operate.releases import LedgerReleases, ServiceReconciler

SERVICE = "delay-board"


@pytest.fixture
def service(sqlite_ledger: Ledger) -> ServiceReconciler:
    with sqlite_ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        tx.intents.put(
            "service",
            SERVICE,
            project="flights",
            spec={
                "project": "flights",
                "environment": "production",
                "model": "late",
                "subject_field": None,
                "durability": "ack",
                "rollout": {"stages": [0.1], "on_timeout": "rollback"},
            },
        )
    return ServiceReconciler(sqlite_ledger, LedgerReleases())


def approve(ledger: Ledger, state: str = "approved", at: str = "2013-03-01") -> None:
    with ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="train", project="flights", tags={"at": at})
        latest = tx.versions.latest("model", "late")
        number = 1 if latest is None else (latest.ref.version or 0) + 1
        body = {"package": f"p{number}"}
        tx.versions.commit(
            "model", "late", digest=f"{number}", body=body, state=state, made_by=run.id
        )


def turn(ledger: Ledger, reconciler: ServiceReconciler) -> None:
    with ledger.write() as tx:
        tx.intents.wake("service", SERVICE)
        held = tx.intents.claim(["service"], owner="test", lease_s=5)
    assert held is not None
    reconciler.reconcile(held)


def rollouts(ledger: Ledger) -> dict[str, dict]:
    with ledger.read() as tx:
        return {one.name: one.spec for one in tx.intents.list("rollout")}


def champion(ledger: Ledger) -> str | None:
    with ledger.read() as tx:
        found = LedgerReleases().champion(tx, "production", SERVICE)
    return None if found is None else str(found)


def test_it_waits_while_nothing_is_approved(sqlite_ledger: Ledger, service: ServiceReconciler):
    approve(sqlite_ledger, "rejected")
    turn(sqlite_ledger, service)
    assert champion(sqlite_ledger) is None


def test_the_first_approved_version_is_deployed(sqlite_ledger: Ledger, service: ServiceReconciler):
    approve(sqlite_ledger)
    turn(sqlite_ledger, service)
    assert champion(sqlite_ledger) == "model:late@1"
    assert rollouts(sqlite_ledger) == {}


def test_a_newer_version_gets_one_rollout_however_often_it_looks(
    sqlite_ledger: Ledger, service: ServiceReconciler
):
    approve(sqlite_ledger)
    turn(sqlite_ledger, service)
    approve(sqlite_ledger)
    for _ in range(3):
        turn(sqlite_ledger, service)
    found = rollouts(sqlite_ledger)
    assert list(found) == [f"{SERVICE}.2"]
    assert found[f"{SERVICE}.2"]["champion"] == "model:late@1"
    assert champion(sqlite_ledger) == "model:late@1"


def test_a_third_version_waits_for_the_second_ones_trial(
    sqlite_ledger: Ledger, service: ServiceReconciler
):
    for _ in range(3):
        approve(sqlite_ledger)
        turn(sqlite_ledger, service)
    assert list(rollouts(sqlite_ledger)) == [f"{SERVICE}.2"]


def test_a_condemned_champion_is_replaced_even_without_proof_of_gain(
    sqlite_ledger: Ledger, service: ServiceReconciler
):
    approve(sqlite_ledger)
    turn(sqlite_ledger, service)
    with sqlite_ledger.write() as tx:
        first = tx.versions.latest("model", "late")
        assert first is not None
        tx.versions.set_state(first.ref, "condemned", reason="erasure")
    approve(sqlite_ledger)
    turn(sqlite_ledger, service)
    assert rollouts(sqlite_ledger)[f"{SERVICE}.2"]["on_timeout"] == "promote"


def test_a_model_of_an_earlier_moment_is_no_successor(
    sqlite_ledger: Ledger, service: ServiceReconciler
):
    approve(sqlite_ledger, at="2013-05-01")
    turn(sqlite_ledger, service)
    approve(sqlite_ledger, at="2013-04-01")
    turn(sqlite_ledger, service)
    assert rollouts(sqlite_ledger) == {}
