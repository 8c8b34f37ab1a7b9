"""Rollouts end on the evidence: promoted, rolled back or superseded, and never counted twice."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.cases.standing import enter_verdict
from towpath.core.errors import Conflict, FenceLost
from towpath.core.refs import Ref
from towpath.operate.rollouts import Agreement, Latency, Rollout, Signal, order
from towpath.operate.rollouts.reconciler import RolloutReconciler

if TYPE_CHECKING:
    from towpath.ledger.records import Intent

NAME = "board.2"


def begin(production: Any, reconciler: RolloutReconciler, **policy: Any) -> Intent:
    fields = {"compare": "paired", "maturity": "6h", "margin": 0.02, **policy}
    plan = Rollout(**fields)
    spec = dataclasses.asdict(plan)
    production.put("rollout", NAME, champion="model:late@1", challenger="model:late@2", **spec)
    return production.step(reconciler)


@pytest.fixture
def reconciler(production: Any) -> RolloutReconciler:
    return RolloutReconciler(
        production.ledger,
        production.blobs,
        production.decisions,
        production.releases,
        production.clock,
    )


def arms(production: Any) -> list[tuple[str, float]]:
    with production.ledger.read() as tx:
        route = production.releases.route(tx, "production").services["board"]
    return [(arm.model, arm.weight) for arm in route.arms]


def test_a_good_challenger_goes_through_the_stages_to_all_traffic(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    row = begin(production, reconciler)
    assert row.phase == "running"
    assert arms(production) == [("model:late@1", 0.9), ("model:late@2", pytest.approx(0.1))]
    stages = {0}
    for _ in range(12):
        production.serve(800)
        row = production.step(reconciler)
        stages.add(row.status["stage"])
        if row.phase == "done":
            break
    assert row.status["outcome"] == "promoted"
    assert stages == {0, 1}
    assert arms(production) == [("model:late@2", 1.0)]
    evidence = row.status["evidence"]
    assert evidence["lower"] <= evidence["estimate"] <= evidence["upper"] < 0.02
    decisions = [look["decision"] for look in row.status["history"]]
    assert decisions[-1] == "promote"
    assert decisions.count("advance") == 1
    with production.ledger.read() as tx:
        told = [event.type for event in tx.events.read(subject="service:board")]
    assert [one for one in told if one.startswith("rollout.")] == [
        "rollout.advanced",
        "rollout.promoted",
    ]


@pytest.mark.parametrize("compare", ["paired", "arms"])
def test_a_harmful_challenger_is_rolled_back(
    production: Any, reconciler: RolloutReconciler, compare: str
):
    production.deploy(production.model())
    production.model(flip=True)
    begin(production, reconciler, compare=compare, stages=[0.5, 1.0])
    for _ in range(4):
        production.serve(800)
        row = production.step(reconciler)
        if row.phase == "done":
            break
    assert row.status["outcome"] == "rolled_back"
    assert row.status["evidence"]["lower"] > 0
    assert "worse by at least" in row.status["reason"]
    assert arms(production) == [("model:late@1", 1.0)]


def test_a_challenger_that_fails_is_rolled_back_before_any_label_is_known(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    production.serve(
        400, hours=2, labels=False, fails=lambda arm: 0.5 if arm == "challenger" else 0.0
    )
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert "failed" in row.status["reason"]
    assert row.status["evidence"]["n_challenger"] == 0


def test_a_split_that_is_not_what_was_asked_for_ends_the_rollout(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    production.serve(800, labels=False, split=0.25)
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert "can't be compared" in row.status["reason"]


def test_looking_again_without_news_changes_nothing(production: Any, reconciler: RolloutReconciler):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    production.serve(100)
    first = production.step(reconciler)
    again = production.step(reconciler, times=3)
    assert again.status == first.status


def test_the_steps_do_not_matter_to_the_sums(production: Any, reconciler: RolloutReconciler):
    """Many small steps, one of them lost half-way, count what one big step counts."""
    production.deploy(production.model())
    production.model()
    begin(production, reconciler, stages=[0.5, 1.0], min_rows=10_000)
    for _ in range(6):
        production.serve(50, hours=5)
        with production.ledger.write() as tx:
            tx.intents.wake("rollout", NAME)
            lost = tx.intents.claim(["rollout"], owner="dies", lease_s=0)
        row = production.step(reconciler)
        with pytest.raises(FenceLost):
            reconciler.reconcile(lost)  # a worker that lost its lease wakes up too late
    production.clock.advance(timedelta(hours=12))
    row = production.step(reconciler)
    counted = production.decisions.scan("board").collect().filter(rollout=NAME)
    evidence = row.status["evidence"]
    assert evidence["n_champion"] + evidence["n_challenger"] == len(counted) == 300
    assert evidence["answers_champion"] + evidence["answers_challenger"] == 300
    assert evidence["pairs"] == 300


def test_labels_later_than_maturity_are_not_waited_for(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    production.serve(100, hours=3, delay=timedelta(hours=5))
    production.serve(100, hours=3, delay=timedelta(hours=7))
    production.clock.advance(timedelta(days=2))
    row = production.step(reconciler)
    assert row.status["evidence"]["pairs"] == 100


def test_pairs_are_scored_with_the_model_that_did_not_answer(
    production: Any, reconciler: RolloutReconciler
):
    """The same model twice: whatever the arms answered, the paired harm is exactly zero."""
    production.deploy(production.model())
    with production.ledger.write() as tx:
        twin = tx.versions.get(tx.versions.list("model")[0].ref)
        tx.versions.commit("model", "late", digest="twin", body=twin.body, state="approved")
    begin(production, reconciler, stages=[0.5, 1.0])
    production.serve(400)
    production.clock.advance(timedelta(hours=12))
    row = production.step(reconciler)
    assert row.status["evidence"]["estimate"] == 0
    assert row.status["outcome"] == "promoted"


def test_another_champion_supersedes_the_rollout(production: Any, reconciler: RolloutReconciler):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    with production.ledger.write() as tx:
        production.releases.trials.roll_back(
            tx, environment="production", service="board", rollout=NAME
        )
    production.deploy(production.model())
    row = production.step(reconciler)
    assert (row.phase, row.status["outcome"]) == ("done", "superseded")
    assert arms(production) == [("model:late@3", 1.0)]


def test_a_condemned_challenger_is_taken_out(
    production: Any, reconciler: RolloutReconciler, model_ref: Any
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    with production.ledger.write() as tx:
        tx.versions.set_state(model_ref(2), "condemned", reason="an erasure")
    row = production.step(reconciler)
    assert row.status["outcome"] == "superseded"
    assert arms(production) == [("model:late@1", 1.0)]


@pytest.mark.parametrize(
    ("on_timeout", "state", "outcome"),
    [
        ("rollback", "approved", "rolled_back"),
        ("promote", "approved", "promoted"),
        ("hold", "approved", None),
        ("rollback", "condemned", "promoted"),
    ],
)
def test_time_running_out_does_what_was_declared(
    production: Any,
    reconciler: RolloutReconciler,
    *,
    model_ref: Any,
    on_timeout: str,
    state: str,
    outcome: str | None,
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler, on_timeout=on_timeout, max_duration="3d")
    with production.ledger.write() as tx:
        tx.versions.set_state(model_ref(1), state, reason="test")
    production.serve(20)
    production.clock.advance(timedelta(days=4))
    row = production.step(reconciler)
    assert row.status["outcome"] == outcome
    assert "3d have passed" in row.status["reason"]


def test_models_with_different_inputs_are_compared_by_arm(
    production: Any, reconciler: RolloutReconciler
):
    champion = production.model()
    production.deploy(champion)
    signature = champion.body["signature"]
    fewer = {**champion.body, "signature": {**signature, "inputs": signature["inputs"][:1]}}
    with production.ledger.write() as tx:
        tx.versions.commit("model", "late", digest="fewer", body=fewer, state="approved")
    row = begin(production, reconciler, compare="paired")
    assert row.status["evidence"]["compare"] == "arms"


def test_without_a_trial_the_gates_decide_alone(production: Any, reconciler: RolloutReconciler):
    production.deploy(production.model())
    production.model()
    row = begin(production, reconciler, stages=[1.0])
    assert (row.phase, row.status["outcome"]) == ("done", "promoted")
    assert arms(production) == [("model:late@2", 1.0)]


@pytest.mark.parametrize(
    ("wanted", "outcome", "serving"),
    [("promote", "promoted", "model:late@2"), ("roll_back", "rolled_back", "model:late@1")],
)
def test_a_person_may_end_it(
    production: Any, reconciler: RolloutReconciler, wanted: Any, outcome: str, serving: str
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    with production.ledger.write(actor="cli") as tx:
        order(tx, NAME, wanted)
    row = production.step(reconciler)
    assert (row.phase, row.status["outcome"]) == ("done", outcome)
    assert row.status["reason"].startswith("by hand")
    assert arms(production) == [(serving, 1.0)]
    with production.ledger.write(actor="cli") as tx, pytest.raises(Conflict, match="over"):
        order(tx, NAME, "promote")


def test_a_pause_freezes_traffic_and_clock_and_the_resumption_acts_at_once(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model(flip=True)
    begin(production, reconciler, compare="arms", stages=[0.5, 1.0], max_duration="3d")
    with production.ledger.write(actor="cli") as tx:
        assert order(tx, NAME, "pause", by="ann", why="a holiday")
        assert not order(tx, NAME, "pause", by="bob")
    for _ in range(3):
        production.serve(800)
        row = production.step(reconciler)
    assert row.phase == "running"
    assert row.status["reason"].startswith("paused by ann; the evidence says: log_loss is worse")
    assert row.status["paused"]["by"] == "ann"
    assert row.status["evidence"]["lower"] > 0
    assert row.status["history"][-1]["paused"]
    assert arms(production)[1] == ("model:late@2", 0.5)
    with production.ledger.write(actor="cli") as tx:
        assert order(tx, NAME, "resume", by="ann")
        assert not order(tx, NAME, "resume")
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    with production.ledger.read() as tx:
        told = list(tx.events.read(subject="service:board"))
    assert [one.type for one in told if one.type.startswith("rollout.")] == [
        "rollout.ordered",
        "rollout.paused",
        "rollout.ordered",
        "rollout.resumed",
        "rollout.rolled_back",
    ]
    ordered = [one.payload for one in told if one.type == "rollout.ordered"]
    assert [(one["order"], one["by"]) for one in ordered] == [("pause", "ann"), ("resume", "ann")]


def test_pauses_do_not_use_up_the_time_a_rollout_has(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler, max_duration="3d")
    with production.ledger.write() as tx:
        order(tx, NAME, "pause")
    production.step(reconciler)
    production.clock.advance(timedelta(days=10))
    with production.ledger.write() as tx:
        order(tx, NAME, "resume")
    row = production.step(reconciler)
    assert row.phase == "running"
    production.clock.advance(timedelta(days=4))
    assert production.step(reconciler).status["outcome"] == "rolled_back"


def test_an_order_is_obeyed_by_the_step_that_was_under_way_when_it_came(
    production: Any, reconciler: RolloutReconciler
):
    """A worker has claimed the row and read the evidence when a person pauses: it must not act."""
    production.deploy(production.model())
    production.model(flip=True)
    begin(production, reconciler, compare="arms", stages=[0.5, 1.0])
    for _ in range(3):
        production.serve(800)
    with production.ledger.write() as tx:
        tx.intents.wake("rollout", NAME)
        held = tx.intents.claim(["rollout"], owner="slow", lease_s=60)
    with production.ledger.write(actor="cli") as tx:
        order(tx, NAME, "pause", by="ann")
    reconciler.reconcile(held)
    with production.ledger.read() as tx:
        row = tx.intents.get("rollout", NAME)
    assert row.phase == "running"
    assert arms(production)[1] == ("model:late@2", 0.5)


def test_whoever_is_late_with_the_other_order_is_told(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    with production.ledger.write() as tx:
        order(tx, NAME, "promote", by="ann")
        assert not order(tx, NAME, "promote", by="bob")
        for other in ("roll_back", "pause", "resume"):
            with pytest.raises(Conflict, match="being ended already"):
                order(tx, NAME, other)


def test_an_end_by_hand_ends_a_pause_too(production: Any, reconciler: RolloutReconciler):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    with production.ledger.write() as tx:
        order(tx, NAME, "pause", by="ann")
    production.step(reconciler)
    with production.ledger.write() as tx:
        order(tx, NAME, "roll_back", by="bob")
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert arms(production) == [("model:late@1", 1.0)]


def test_a_condemned_challenger_is_taken_out_of_a_paused_rollout_too(
    production: Any, reconciler: RolloutReconciler, model_ref: Any
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    with production.ledger.write() as tx:
        order(tx, NAME, "pause")
        tx.versions.set_state(model_ref(2), "condemned", reason="an erasure")
    assert production.step(reconciler).status["outcome"] == "superseded"


def test_a_shadow_is_compared_in_pairs_and_answers_nobody(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    row = begin(
        production,
        reconciler,
        strategy="shadow",
        compare="arms",
        margin=0.05,
        require=[Agreement(tolerance=0.2, at_least=0.8)],
    )
    assert arms(production) == [("model:late@1", 1.0), ("model:late@2", 0.0)]
    for _ in range(4):
        production.serve(400)
        row = production.step(reconciler)
        if row.phase == "done":
            break
    assert row.status["outcome"] == "promoted"
    evidence = row.status["evidence"]
    assert evidence["compare"] == "paired"
    assert evidence["pairs"] > 0
    assert evidence["answers_champion"] == evidence["answers_challenger"] > 0
    assert {one["name"] for one in evidence["readings"]} == {"log_loss", "disagreement", "errors"}
    served = production.decisions.scan("board").collect()
    assert set(served["arm"]) == {"champion"}
    assert set(served["model"]) == {"model:late@1"}


def test_a_shadow_that_fails_or_answers_otherwise_is_sent_away(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model(flip=True)
    begin(production, reconciler, strategy="shadow")
    production.serve(400, fails=lambda arm: 0.3 if arm == "shadow" else 0.0)
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert "the challenger failed" in row.status["reason"]


def test_a_switch_at_once_bakes_and_then_stays(production: Any, reconciler: RolloutReconciler):
    production.deploy(production.model())
    production.serve(4000, hours=2, labels=False, fails=lambda _arm: 0.001)
    production.model()
    begin(production, reconciler, strategy="blue_green", bake="2h")
    assert arms(production) == [("model:late@1", 0.0), ("model:late@2", 1.0)]
    production.serve(2000, hours=1, labels=False)
    row = production.step(reconciler)
    assert row.phase == "running"
    assert row.status["reason"].startswith("bakes for 2h")
    production.serve(200, hours=1.1, labels=False)
    assert production.step(reconciler).status["outcome"] == "promoted"


def test_a_switch_at_once_is_taken_back_within_seconds(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.serve(2000, hours=1, labels=False)
    production.model()
    begin(production, reconciler, strategy="blue_green")
    production.serve(
        200, hours=1 / 60, labels=False, fails=lambda arm: 0.5 if arm == "challenger" else 0.0
    )
    production.clock.advance(timedelta(seconds=6))
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert "errors is worse by at least" in row.status["reason"]
    assert arms(production) == [("model:late@1", 1.0)]


def test_what_customers_do_decides_where_it_is_required(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(
        production,
        reconciler,
        strategy="champion_challenger",
        stages=[0.5, 1.0],
        metric=None,
        require=[Signal(signal="bought", margin=0.05)],
        maturity="2h",
    )
    for _ in range(3):
        production.serve(900, labels=False, signal=("bought", {"champion": 0.5, "challenger": 0.3}))
        row = production.step(reconciler)
        if row.phase == "done":
            break
    assert row.status["outcome"] == "rolled_back"
    assert "signal bought is worse by at least" in row.status["reason"]
    reading = next(one for one in row.status["evidence"]["readings"] if "bought" in one["name"])
    assert reading["lower"] <= 0.2 <= reading["upper"]


def test_signals_later_than_maturity_count_as_absent(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(
        production,
        reconciler,
        stages=[0.5, 1.0],
        metric=None,
        require=[Signal(signal="bought", margin=0.05)],
        maturity="1h",
        min_rows=10_000,
    )
    production.serve(
        200,
        hours=4,
        labels=False,
        signal=("bought", {"champion": 1.0, "challenger": 1.0}),
        delay=timedelta(hours=2),
    )
    production.clock.advance(timedelta(hours=12))
    row = production.step(reconciler)
    reading = next(one for one in row.status["evidence"]["readings"] if "bought" in one["name"])
    assert reading["estimate"] == 0
    assert reading["n_champion"] + reading["n_challenger"] == 200


def test_a_slow_challenger_is_stopped_by_its_guard_rail(
    production: Any, reconciler: RolloutReconciler
):
    production.deploy(production.model())
    production.model()
    begin(
        production,
        reconciler,
        stages=[0.5, 1.0],
        guards=[Latency(quantile=0.5, margin="10ms")],
    )
    production.serve(
        1200, labels=False, latency_us=lambda arm: 30_000 if arm == "challenger" else 2_000
    )
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert "latency p50 is worse by at least" in row.status["reason"]
    assert "ms" in row.status["reason"]


def keep_case(production: Any, keyring: Any, verdict: str | None) -> None:
    """Keep a case that the challenger was held to, or not yet."""
    with production.ledger.write() as tx:
        tx.versions.declare("case", "board.1.1", project="flights")
        body = {"service": "board"}
        case = tx.versions.commit("case", "board.1.1", digest="c", body=body, state="active")
        for number, said in ((1, "pass"), (2, verdict)):
            if said is not None:
                model = tx.versions.get(Ref("model", "late", number))
                enter_verdict(tx, case, model, said, keyring)


def test_a_challenger_that_fails_a_case_kept_meanwhile_goes_back(
    production: Any, reconciler: RolloutReconciler, keyring: Any
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    keep_case(production, keyring, "fail")
    row = production.step(reconciler)
    assert row.status["outcome"] == "rolled_back"
    assert "'board.1.1'" in row.status["reason"]
    assert arms(production) == [("model:late@1", 1.0)]


def test_a_case_kept_before_the_trial_began_ends_it_and_leaves_room_for_the_next(
    production: Any, reconciler: RolloutReconciler, keyring: Any
):
    production.deploy(production.model())
    production.model()
    keep_case(production, keyring, "fail")
    row = begin(production, reconciler)
    assert (row.phase, row.status["outcome"]) == ("done", "rolled_back")
    assert "'board.1.1'" in row.status["reason"]
    assert arms(production) == [("model:late@1", 1.0)]


def test_a_challenger_that_was_not_asked_yet_gets_no_more_traffic(
    production: Any, reconciler: RolloutReconciler, keyring: Any
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    keep_case(production, keyring, None)
    for _ in range(12):
        production.serve(800)
        row = production.step(reconciler)
    assert (row.phase, row.status["stage"]) == ("running", 0)
    assert "was not held to" in row.status["reason"]
    assert arms(production)[1] == ("model:late@2", pytest.approx(0.1))


def test_a_challenger_that_was_not_asked_yet_waits_to_be_promoted(
    production: Any, reconciler: RolloutReconciler, keyring: Any
):
    production.deploy(production.model())
    production.model()
    begin(production, reconciler)
    keep_case(production, keyring, None)
    with production.ledger.write() as tx:
        order(tx, NAME, "promote", by="ada")
    row = production.step(reconciler)
    assert row.phase == "running"
    assert "was not held to" in row.status["reason"]
    with production.ledger.write() as tx:
        case = tx.versions.get(Ref("case", "board.1.1", 1))
        enter_verdict(tx, case, tx.versions.get(Ref("model", "late", 2)), "pass", keyring)
    assert production.step(reconciler).status["outcome"] == "promoted"
