"""What lists are worth does not hang on the order in which their rows come, nor on other lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from towpath.build.gates.metrics import find_metric
from towpath.build.gates.within import Within

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(-2, 2)), min_size=1, max_size=25
)  # list, relevance, score: few values, so that ties are common
NAMES = st.sampled_from(["ndcg@1", "ndcg@3", "ndcg@9", "recall@1", "recall@3", "recall@9"])


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, Within]:
    group, outcome, score = (np.array(one) for one in zip(*rows, strict=True))
    codes = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return outcome.astype(float), score.astype(float), Within(group=codes)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, name=NAMES, data=st.data())
def test_the_order_of_rows_changes_nothing(rows, name, data):
    if not any(outcome for _, outcome, _ in rows):
        return
    shuffled = data.draw(st.permutations(rows))
    kind = find_metric(name)
    estimates = [kind.measure(*columns(list(one))) for one in (rows, shuffled)]
    assert estimates[0].value == pytest.approx(estimates[1].value)
    assert 0 <= estimates[0].value <= 1 + 1e-12


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, name=NAMES)
def test_every_list_counts_by_itself(rows, name):
    kind = find_metric(name)
    relevant = {group for group, outcome, _ in rows if outcome}
    if not relevant:
        return
    whole = kind.measure(*columns(rows))
    alone = [
        kind.measure(*columns([row for row in rows if row[0] == group])).value for group in relevant
    ]
    assert whole.value == pytest.approx(np.mean(alone))
    assert kind.rows(*columns(rows)[::2]) == whole.parts[0].size == len(relevant)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, name=NAMES)
def test_no_order_is_better_than_the_truth(rows, name):
    if not any(outcome for _, outcome, _ in rows):
        return
    outcome, score, within = columns(rows)
    kind = find_metric(name)
    best = kind.measure(outcome, outcome, within).value
    assert kind.measure(outcome, score, within).value <= best + 1e-12
    if name.startswith("ndcg"):
        assert best == pytest.approx(1.0)
