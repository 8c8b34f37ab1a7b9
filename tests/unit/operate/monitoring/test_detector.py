"""Alarms and discoveries come no more often than declared, and come soon when they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.operate.monitoring.detector import accumulate, discoveries, evidence_of, level_of

NAMES = [f"f{number}" for number in range(8)]


def test_evidence_has_mean_one_when_p_is_uniform():
    grid = (np.arange(200_000) + 0.5) / 200_000
    mean = np.mean([evidence_of(float(p)) for p in grid])
    assert 0.8 < mean <= 1.0  # the rest of the mean lies below the grid's first point


@given(st.floats(0, 1), st.floats(0, 1))
def test_evidence_falls_as_p_rises(one: float, other: float):
    low, high = sorted((one, other))
    assert evidence_of(low) >= evidence_of(high) - 1e-9
    assert evidence_of(high) > 0


def test_a_window_that_could_not_be_judged_is_no_evidence():
    assert evidence_of(math.nan) == 1.0


def windows_to_alarm(rng: np.random.Generator, *, run_length: int, signal: float = 1.0) -> int:
    """Return the window of the first alarm; p-values of the first stream are raised to `signal`."""
    levels: dict[str, float] = {}
    for window in range(1, 10 * run_length):
        p = rng.random(len(NAMES))
        p[0] = p[0] ** signal
        evidence = {name: evidence_of(float(one)) for name, one in zip(NAMES, p, strict=True)}
        levels = accumulate(levels, evidence)
        if level_of(levels) >= run_length:
            return window
    return 10 * run_length


def test_quiet_streams_raise_a_false_alarm_no_sooner_than_declared_on_average():
    rng = np.random.default_rng(5)
    lengths = [windows_to_alarm(rng, run_length=40) for _ in range(60)]
    assert np.mean(lengths) >= 40


def test_one_changed_stream_among_eight_is_found_soon():
    rng = np.random.default_rng(6)
    lengths = [windows_to_alarm(rng, run_length=365, signal=6) for _ in range(30)]
    assert np.median(lengths) <= 12


def test_levels_stay_finite():
    levels: dict[str, float] = {}
    for _ in range(200):
        levels = accumulate(levels, {"f": evidence_of(0.0)})
    assert math.isfinite(level_of(levels))
    assert level_of({}) == 0


def test_discoveries_are_benjamini_hochberg():
    # The worked example of the paper's section 3.2: four rejections at 0.05.
    paper = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
             0.5719, 0.6528, 0.7590, 1.0000]  # fmt: skip
    named = {f"h{number}": p for number, p in enumerate(paper)}
    assert discoveries(named, 0.05) == {"h0", "h1", "h2", "h3"}


def test_what_can_not_be_told_is_not_discovered():
    assert discoveries({"a": math.nan, "b": 0.001}, 0.05) == {"b"}
    assert discoveries({"a": math.nan}, 0.05) == set()
    assert discoveries({"a": 0.9, "b": 0.8}, 0.05) == set()


def test_noise_is_rarely_discovered():
    rng = np.random.default_rng(7)
    found = [
        bool(discoveries(dict(zip(NAMES, rng.random(8).tolist(), strict=True)), 0.05))
        for _ in range(400)
    ]
    assert np.mean(found) == pytest.approx(0.05, abs=0.03)
