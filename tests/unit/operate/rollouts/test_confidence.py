"""Confidence sequences cover at all looks at once, whatever order the rows are summed in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from towpath.operate.rollouts.confidence import (
    HARM_FOUND_BY_ROWS,
    Interval,
    Moments,
    Pairs,
    depth,
    difference,
    width,
)

ALPHA = 0.05
EACH = (ALPHA / 2, ALPHA / 2)
floats = st.lists(st.floats(-1e6, 1e6), max_size=50)


@given(floats, floats)
def test_merged_moments_are_those_of_all_values(left: list[float], right: list[float]):
    merged = Moments.of(np.array(left)).merge(Moments.of(np.array(right)))
    whole = Moments.of(np.array(left + right))
    assert merged.rows == whole.rows
    assert merged.mean == pytest.approx(whole.mean, abs=1e-6)
    assert merged.deviations == pytest.approx(whole.deviations, rel=1e-6, abs=1e-3)


def test_without_sampling_the_noise_is_that_of_a_mean():
    values = np.random.default_rng(2).normal(size=100)
    assert Moments.of(values).noise == pytest.approx(values.var(ddof=1) / 100)
    assert Moments.of(values).effective == pytest.approx(100)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 10)), min_size=2, max_size=40))
def test_weighted_moments_merge_and_are_those_of_their_definition(rows: list[tuple[float, float]]):
    values, weights = np.array(rows).T
    half = len(rows) // 2
    merged = Moments.of(values[:half], weights[:half]).merge(
        Moments.of(values[half:], weights[half:])
    )
    mean = np.average(values, weights=weights)
    assert merged.mean == pytest.approx(mean, abs=1e-6)
    pulls = weights * (values - mean)
    assert merged.deviations == pytest.approx(pulls @ pulls, rel=1e-6, abs=1e-6)
    assert merged.effective == pytest.approx(weights.sum() ** 2 / (weights @ weights))


def test_rows_of_equal_weight_are_known_for_it():
    values = np.random.default_rng(3).normal(size=50)
    assert Moments.of(values, np.full(50, 7.0)).is_even
    assert not Moments.of(values, np.r_[np.full(49, 7.0), 6.0]).is_even


def test_a_sample_of_the_rows_estimates_all_of_them():
    """Errors are kept, of the others one in ten: weighted, the share of errors is the traffic's."""
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(100):
        arms = []
        for rate in (0.05, 0.07):
            failed = rng.random(20_000) < rate
            kept = np.where(failed, 1.0, 0.1)
            chosen = rng.random(20_000) < kept
            arms.append(Moments.of(failed[chosen].astype(float), 1 / kept[chosen]))
        found = difference([arms[0]], [arms[1]], *EACH)
        assert found is not None
        missed += not found.lower <= 0.02 <= found.upper
    assert missed <= 100 * ALPHA


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_one_end_alone_is_wrong_no_more_often_than_it_says(side: str):
    rng = np.random.default_rng(10)
    wrong = 0
    for _ in range(200):
        steps = rng.normal(size=(2, 30, 50))
        one, other, ever = Moments(), Moments(), False
        for look in range(30):
            one, other = (
                one.merge(Moments.of(steps[0, look])),
                other.merge(Moments.of(steps[1, look])),
            )
            if look < 4:
                continue
            found = difference([one], [other], ALPHA, ALPHA)
            ever |= found.lower > 0 if side == "lower" else found.upper < 0
        wrong += ever
    assert wrong <= 200 * ALPHA + 3 * np.sqrt(200 * ALPHA * (1 - ALPHA))


def misses(intervals: list[Interval | None], truth: float) -> bool:
    return any(one is not None and not one.lower <= truth <= one.upper for one in intervals)


def looks_at_arms(rng: np.random.Generator, *, harm: float, weight: float) -> list[Interval | None]:
    """Look after each hundred rows of skewed losses."""
    rows = 4000
    loss = rng.exponential(0.45, rows)
    challenger = rng.random(rows) < weight
    loss = loss + harm * challenger
    one, other, seen = Moments(), Moments(), []
    for start in range(0, rows, 100):
        part = slice(start, start + 100)
        one = one.merge(Moments.of(loss[part][~challenger[part]]))
        other = other.merge(Moments.of(loss[part][challenger[part]]))
        if min(one.rows, other.rows) >= 100:
            seen.append(difference([one], [other], *EACH))
    return seen


@pytest.mark.parametrize("weight", [0.1, 0.5])
@pytest.mark.parametrize("harm", [0.0, 0.2])
def test_forty_looks_miss_the_true_harm_no_more_often_than_promised(harm: float, weight: float):
    rng = np.random.default_rng(5)
    missed = sum(misses(looks_at_arms(rng, harm=harm, weight=weight), harm) for _ in range(120))
    assert missed <= 120 * ALPHA + 3 * np.sqrt(120 * ALPHA * (1 - ALPHA))


def test_a_harmful_challenger_is_found():
    rng = np.random.default_rng(6)
    found = sum(
        any(one is not None and one.lower > 0 for one in looks_at_arms(rng, harm=0.2, weight=0.5))
        for _ in range(20)
    )
    assert found == 20


def test_stages_are_compared_within_and_not_across():
    # Losses rise from day to day while the challenger's share rises too: pooled, it would look worse.
    rng = np.random.default_rng(7)
    early, late = rng.normal(0.2, 0.1, 1000), rng.normal(0.8, 0.1, 1000)
    champion = [Moments.of(early[:900]), Moments.of(late[:500])]
    challenger = [Moments.of(early[900:]), Moments.of(late[500:])]
    stratified = difference(champion, challenger, *EACH)
    pooled = difference(
        [champion[0].merge(champion[1])], [challenger[0].merge(challenger[1])], *EACH
    )
    assert stratified is not None
    assert pooled is not None
    assert stratified.lower < 0 < stratified.upper
    assert pooled.lower > 0


def looks_at_pairs(rng: np.random.Generator, *, shared: float) -> list[Interval | None]:
    """Look after each two hours of fifty rows whose differences share `shared` of their variance."""
    hours = np.repeat(np.arange(100), 50)
    common = rng.normal(0, np.sqrt(shared), 100)[hours]
    differences = 0.1 * (common + rng.normal(0, np.sqrt(1 - shared), 5000))
    pairs, seen = Pairs(), []
    for start in range(0, 5000, 100):
        part = slice(start, start + 100)
        pairs = pairs.merge(Pairs.of(differences[part], hours[part]))
        seen.append(pairs.interval(*EACH))
    return seen


@pytest.mark.parametrize("shared", [0.0, 0.1])
def test_pairs_cover_even_when_hours_have_moods(shared: float):
    rng = np.random.default_rng(8)
    missed = sum(misses(looks_at_pairs(rng, shared=shared), 0.0) for _ in range(120))
    assert missed <= 120 * ALPHA + 3 * np.sqrt(120 * ALPHA * (1 - ALPHA))


def test_moody_hours_widen_the_interval():
    hours = np.repeat(np.arange(40), 50)
    moods = np.random.default_rng(9).normal(0, 1, 40)[hours]
    calm = np.random.default_rng(9).normal(0, 1, 2000)
    moody, independent = (
        Pairs.of(moods, hours).interval(*EACH),
        Pairs.of(calm, hours).interval(*EACH),
    )
    assert moody is not None
    assert independent is not None
    assert moody.upper - moody.lower > 4 * (independent.upper - independent.lower)


def test_too_few_rows_bound_nothing():
    assert Pairs.of(np.array([0.1]), np.array([0])).interval(*EACH) is None
    assert difference([Moments.of(np.array([0.1]))], [Moments()], *EACH) is None


def test_identical_models_are_bounded_at_zero():
    interval = Pairs.of(np.zeros(500), np.repeat(np.arange(20), 25)).interval(*EACH)
    assert interval == Interval(estimate=0.0, lower=0.0, upper=0.0)


def test_width_is_tightest_where_it_is_tuned():
    widths = {rows: width(rows, ALPHA) for rows in (50, 300, 1000, 10_000, 1_000_000)}
    assert min(widths, key=lambda rows: widths[rows]) == 1000
    assert max(widths[300], widths[10_000]) < 1.1 * widths[1000]
    assert width(1000, 0.01) > width(1000, 0.05)


def test_a_lower_end_is_where_its_mixture_reaches_the_bar():
    """Brute force: the likelihood ratio against no harm, averaged over the prior, at the end's edge."""
    for rows in (50.0, 800.0, 20_000.0):
        mu = np.sqrt(2 * np.log(1 / ALPHA) / HARM_FOUND_BY_ROWS)
        total = depth(rows, ALPHA) * np.sqrt(rows)
        found, _ = quad(
            lambda theta, rows=rows, total=total, mu=mu: (
                np.exp(theta * total - theta**2 * rows / 2) * norm.pdf(theta, mu, mu / 2)
            ),
            mu - 6 * mu,
            mu + 6 * mu,
            points=[total / rows],
            limit=500,
        )
        assert found == pytest.approx(1 / ALPHA, rel=1e-3)
