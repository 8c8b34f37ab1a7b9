"""Promotion asks for proof on every required harm; one proved harm, or one guard rail, sends back."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from towpath.operate.rollouts import Agreement, Errors, Latency, Rollout, Signal
from towpath.operate.rollouts.confidence import Moments
from towpath.operate.rollouts.evidence import Evidence, Stage
from towpath.operate.rollouts.judging import judge
from towpath.operate.rollouts.latencies import Latencies

RNG = np.random.default_rng(1)


def seen(
    plan: Rollout,
    *,
    rows: int = 20_000,
    loss: float = 0.0,
    errors: float = 0.0,
    slower: float = 1.0,
    signal: float = 0.0,
) -> Evidence:
    """Return evidence of half the traffic each, with what the challenger does worse."""
    arm = np.arange(rows) % 2 == 1
    failed = RNG.random(rows) < np.where(arm, 0.01 + errors, 0.01)
    evidence = Evidence.start(plan)
    half = rows // 2

    def split(values: np.ndarray) -> tuple[Moments, Moments]:
        return Moments.of(values[~arm]), Moments.of(values[arm])

    champion, challenger = split(RNG.normal(0.4, 0.3, rows) + loss * arm)
    micros = RNG.lognormal(8, 0.3, rows) * np.where(arm, slower, 1.0)
    ones = np.ones(half)
    stage = Stage(
        weight=evidence.stages[0].weight,
        champion=champion,
        challenger=challenger,
        failed=split(failed.astype(float)),
        latencies=(Latencies.of(micros[~arm], ones), Latencies.of(micros[arm], ones)),
        signals={"tip": split(-(RNG.random(rows) < 0.3).astype(float) + signal * arm)},
    )
    evidence = evidence.at(0, stage)
    return msgspec.structs.replace(evidence, failures=evidence.failures.observe(arm, failed))


ALL = Rollout(
    stages=[0.5],
    margin=0.03,
    require=[Errors(margin=0.01), Signal(signal="tip", margin=0.05)],
    guards=[Latency(quantile=0.5, margin="2ms")],
)


def test_proof_on_every_required_harm_promotes():
    look = judge(ALL, seen(ALL), stage=0, compare="arms")
    assert look.decision == "promote"
    assert [one.name for one in look.readings] == [
        "log_loss",
        "errors",
        "signal tip",
        "latency p50",
    ]
    assert "signal tip is worse by less than" in look.reason
    assert "latency" not in look.reason


@pytest.mark.parametrize("lacking", [{"rows": 400}, {"rows": 900}])
def test_without_proof_on_each_it_holds(lacking: dict[str, int]):
    assert judge(ALL, seen(ALL, **lacking), stage=0, compare="arms").decision == "hold"


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        ({"loss": 0.05}, "log_loss"),
        ({"errors": 0.02}, "errors is worse by at least"),
        ({"signal": 0.06}, "signal tip"),
        ({"slower": 3.0}, "put up with"),
    ],
)
def test_any_proved_harm_sends_back(harm: dict[str, float], named: str):
    look = judge(ALL, seen(ALL, **harm), stage=0, compare="arms")
    assert look.decision == "roll_back"
    assert named in look.reason


def test_a_guard_rail_puts_up_with_its_margin():
    look = judge(ALL, seen(ALL, slower=1.3), stage=0, compare="arms")
    assert look.decision == "promote"
    guard = look.readings[-1]
    assert 0 < guard.harm.lower < guard.margin


def test_errors_are_a_guard_rail_where_nobody_named_them():
    plan = Rollout(stages=[0.5], margin=0.03)
    look = judge(plan, seen(plan, errors=0.03), stage=0, compare="arms")
    assert look.decision == "roll_back"
    assert "the challenger failed" in look.reason


def test_the_metrics_share_alpha_where_they_can_send_back():
    """Four of them: each lower end is where one alone would be at a quarter of alpha."""
    alone = Rollout(stages=[0.5], margin=0.03, alpha=ALL.alpha / 2, require=ALL.require[:0])
    evidence = seen(ALL)
    four = judge(ALL, evidence, stage=0, compare="arms").readings[0]
    two = judge(alone, evidence, stage=0, compare="arms").readings[0]
    assert four.harm.lower == pytest.approx(two.harm.lower)  # α/4 each, and (α/2)/2 each
    assert four.harm.upper < two.harm.upper  # but each upper end has all of alpha


def test_without_a_metric_errors_alone_can_promote():
    plan = Rollout(stages=[0.5], metric=None, require=[Errors(margin=0.01)])
    assert judge(plan, seen(plan), stage=0, compare="arms").decision == "promote"
    assert judge(plan, seen(plan, rows=200), stage=0, compare="arms").decision == "hold"


def test_an_early_stage_has_to_exclude_twice_the_margin_only():
    plan = Rollout(stages=[0.2, 0.5], margin=0.02, min_rows=100)
    evidence = seen(plan, rows=6000)
    look = judge(plan, evidence, stage=0, compare="arms")
    assert 0.02 < look.harm.upper < 0.04
    assert look.decision == "advance"


def test_a_challenger_may_be_asked_to_be_better():
    plan = Rollout(strategy="champion_challenger", margin=-0.01)
    assert judge(plan, seen(plan), stage=0, compare="arms").decision == "hold"
    assert judge(plan, seen(plan, loss=-0.05), stage=0, compare="arms").decision == "promote"


@pytest.mark.parametrize(
    ("alike", "decision"), [(990, "promote"), (700, "roll_back"), (945, "hold")]
)
def test_a_shadow_has_to_agree_as_far_as_it_is_asked_to(alike: int, decision: str):
    plan = Rollout(
        strategy="shadow",
        metric=None,
        guards=[Errors(margin=0.05)],
        require=[Agreement(at_least=0.95)],
    )
    evidence = msgspec.structs.replace(Evidence.start(plan), alike=(1000.0, float(alike)))
    assert judge(plan, evidence, stage=0, compare="paired").decision == decision


def test_a_switch_at_once_is_held_against_what_the_champion_did_before():
    plan = Rollout(strategy="blue_green")
    rng = np.random.default_rng(5)
    for rate, decision in ((0.01, "promote"), (0.05, "roll_back")):
        failed = tuple(Moments.of((rng.random(20_000) < one).astype(float)) for one in (0.01, rate))
        evidence = Evidence.start(plan).at(0, Stage(weight=1.0, failed=failed))
        assert judge(plan, evidence, stage=0, compare="arms").decision == decision


def test_rows_that_stand_for_unequally_many_are_compared_by_weighted_means():
    plan = Rollout(stages=[0.5], metric=None, require=[Errors(margin=0.03)], min_rows=100)
    rng = np.random.default_rng(6)
    arms = []
    for rate in (0.05, 0.15):
        failed = rng.random(20_000) < rate
        kept = np.where(failed, 1.0, 0.1)
        chosen = rng.random(20_000) < kept
        arms.append(Moments.of(failed[chosen].astype(float), 1 / kept[chosen]))
    evidence = Evidence.start(plan).at(0, Stage(weight=0.5, failed=(arms[0], arms[1])))
    look = judge(plan, evidence, stage=0, compare="arms")
    assert look.decision == "roll_back"
    assert look.harm.lower <= 0.1 <= look.harm.upper
