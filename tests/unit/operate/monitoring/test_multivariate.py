"""How inputs go together is watched apart from how each of them is spread."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from towpath.assets.models.reference import build_reference
from towpath.core.errors import InvalidProject
from towpath.operate.monitoring import Multivariate
from towpath.operate.monitoring.counts import count_rows
from towpath.operate.monitoring.findings import Window
from towpath.operate.monitoring.multivariate import judge_together

if TYPE_CHECKING:
    from towpath.assets.models.reference import Reference
    from towpath.operate.monitoring.findings import Finding

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 400


def world(rng: np.random.Generator, rows: int, *, together: float = 0.6) -> pl.DataFrame:
    a = rng.normal(size=rows)
    b = together * a + np.sqrt(1 - together**2) * rng.normal(size=rows)
    kind = np.where(rng.random(rows) < 1 / (1 + np.exp(-2 * a)), "jet", "prop")
    return pl.DataFrame({"a": a, "b": np.exp(b), "c": rng.normal(size=rows), "kind": kind})


@pytest.fixture(scope="module")
def reference() -> Reference:
    rng = np.random.default_rng(1)
    rows = world(rng, 30 * ROWS)
    at = [START + timedelta(days=day) for day in range(30) for _ in range(ROWS)]
    rows = rows.with_columns(pl.Series("at", at, dtype=pl.Datetime("us", "UTC")))
    return build_reference(rows, columns=["a", "b", "c", "kind"], time="at")


def judged(reference: Reference, rows: pl.DataFrame, **fields: str) -> Finding:
    counts = count_rows(
        reference, rows, pl.Series(np.ones(len(rows))), names=["a", "b", "c", "kind"]
    )
    window = Window(since=START + timedelta(days=30), until=START + timedelta(days=31))
    return judge_together(
        Multivariate(**fields), reference.dependence, counts.moments, window, rows=len(rows)
    )


@pytest.mark.parametrize("statistic", ["correlations", "reconstruction"])
@pytest.mark.parametrize("rows", [120, 400, 3000])
def test_days_like_those_of_training_are_no_surprise(
    reference: Reference, statistic: str, rows: int
):
    rng = np.random.default_rng(rows)
    found = [
        judged(reference, world(rng, rows), statistic=statistic).measured["p"] for _ in range(60)
    ]
    assert np.mean(np.array(found) < 0.05) <= 0.12


@pytest.mark.parametrize("statistic", ["correlations", "reconstruction"])
def test_inputs_that_no_longer_go_together_are_named(reference: Reference, statistic: str):
    rows = world(np.random.default_rng(3), ROWS, together=-0.2)
    finding = judged(reference, rows, statistic=statistic)
    assert finding.measured["p"] < 0.005
    assert finding.suspects[0].name == "a and b"
    assert finding.suspects[0].before == pytest.approx(0.6, abs=0.05)
    assert finding.suspects[0].after == pytest.approx(-0.2, abs=0.12)
    assert "a and b: 0.6" in finding.summary


def test_an_input_that_moves_alone_is_none_of_its_business(reference: Reference):
    rows = world(np.random.default_rng(4), ROWS)
    moved = judged(reference, rows.with_columns(pl.col("c") * 3 + 7))
    assert moved.measured["p"] > 0.01
    assert moved.suspects == ()


def test_counts_of_parts_give_the_moments_of_the_whole(reference: Reference):
    rows = world(np.random.default_rng(5), 900)
    names = ["a", "b", "c", "kind"]
    whole = count_rows(reference, rows, pl.Series(np.ones(900)), names=names)
    parts = [
        count_rows(reference, part, pl.Series(np.ones(len(part))), names=names)
        for part in (rows[:200], rows[200:])
    ]
    merged = parts[1].merge(parts[0])
    assert merged.rows == whole.rows
    assert merged.moments.correlations() == pytest.approx(whole.moments.correlations())


@pytest.mark.parametrize("fields", [{"window": "6h"}, {"statistic": "pca"}, {"run_length": 1}])
def test_it_refuses_what_makes_no_sense(fields: dict[str, object]):
    with pytest.raises(InvalidProject):
        Multivariate(**fields)


def test_it_comes_back_from_an_intents_spec():
    monitor = Multivariate("tangle", statistic="reconstruction", window="7d")
    assert Multivariate.from_spec({**dataclasses.asdict(monitor), "kind": "x"}) == monitor
