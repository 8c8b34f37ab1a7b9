"""Influence is what leaving a row out does to an answer, and is held to models fitted without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from towpath.assets.models.compiling.lines import Line, read_line
from towpath.trace.incidents.suspects.influence import influence_suspects, pulls_of


@pytest.fixture
def sample() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(5)
    rows = random.normal(size=(60, 3)) * [1.0, 40.0, 0.01] + [0.0, 900.0, 3.0]
    truth = rows @ [2.0, 0.05, 80.0] + random.normal(size=60)
    return rows, truth, np.array([0.5, 950.0, 3.004])


def test_for_least_squares_it_is_exact(sample: Any) -> None:
    rows, truth, asked = sample
    whole = LinearRegression().fit(rows, truth)
    line = read_line(whole)
    assert line is not None
    pulls = pulls_of(line, rows, truth, asked)
    assert pulls is not None
    answer = whole.predict([asked])[0]
    for at in (0, 17, 59):
        left = LinearRegression().fit(np.delete(rows, at, axis=0), np.delete(truth, at))
        assert pulls.moves[at] == pytest.approx(left.predict([asked])[0] - answer, rel=1e-6)


def test_for_a_logistic_line_it_is_one_step_from_it(sample: Any) -> None:
    rows, truth, asked = sample
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    asked = np.array([0.3, 0.4, -0.2])
    outcomes = (truth + np.random.default_rng(6).normal(scale=4, size=60) > truth.mean()).astype(
        int
    )
    options = {"C": 1e6, "max_iter": 2000, "tol": 1e-10}
    whole = LogisticRegression(**options).fit(rows, outcomes)
    line = read_line(whole)
    assert line is not None
    pulls = pulls_of(line, rows, outcomes.astype(float), asked)
    assert pulls is not None
    strongest = int(np.abs(pulls.moves).argmax())
    left = LogisticRegression(**options).fit(
        np.delete(rows, strongest, axis=0), np.delete(outcomes, strongest)
    )
    moved = left.decision_function([asked])[0] - whole.decision_function([asked])[0]
    assert pulls.moves[strongest] == pytest.approx(moved, rel=0.25)


def test_a_row_that_was_written_down_wrongly_is_suspected_and_no_other(sample: Any) -> None:
    rows, truth, asked = sample
    answered = float(asked @ [2.0, 0.05, 80.0])

    def found(outcomes: Any) -> tuple[list[Any], str]:
        line = read_line(LinearRegression().fit(rows, outcomes))
        assert line is not None
        pulls = pulls_of(line, rows, outcomes, asked)
        assert pulls is not None
        answer = float(line.intercept + asked @ line.weights)
        return influence_suspects(pulls, source="dataset:x@1", answer=answer, truth=answered)

    assert found(truth)[0] == []
    spoiled = truth.copy()
    near = int(np.abs((rows - asked) / rows.std(axis=0)).sum(axis=1).argmin())
    spoiled[near] += 60.0
    ((suspect,), note) = found(spoiled)
    assert note == ""
    assert suspect.name == "1 training row of dataset:x@1, by influence"
    assert suspect.value > 1


def test_a_line_of_another_kind_has_no_closed_form(sample: Any) -> None:
    rows, truth, asked = sample
    line = Line(weights=np.zeros(3), intercept=0.0, link="log")
    assert pulls_of(line, rows, truth, asked) is None
