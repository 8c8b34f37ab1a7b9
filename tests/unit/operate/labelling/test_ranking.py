"""Which decisions are chosen: the same every time, by what the declaration says and nothing else."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import InvalidProject
from towpath.operate.labelling.ranking import parse_sample

ROWS = pl.DataFrame(
    {
        "decision_id": [f"d{n}" for n in range(6)],
        "output.late": [0.1, 0.55, 0.9, 0.5, None, 0.42],
        "input.distance": [100.0, 200.0, 300.0, 400.0, 500.0, None],
        "input.carrier": ["UA", "AA", "UA", "it's", "UA", "AA"],
    }
)


def chosen(sample: str, most: int = 3, rows: pl.DataFrame = ROWS) -> list[str]:
    return parse_sample(sample).choose(rows, most, salt="q").rows["decision_id"].to_list()


def test_uncertain_is_nearest_to_a_half_and_never_what_has_no_answer() -> None:
    assert chosen("uncertain", 9) == ["d3", "d1", "d5", "d0", "d2"]


def test_uncertain_among_several_classes_is_the_smallest_margin() -> None:
    rows = pl.DataFrame(
        {
            "decision_id": ["sure", "torn", "half-torn"],
            "output.a": [0.9, 0.45, 0.5],
            "output.b": [0.05, 0.44, 0.3],
            "output.c": [0.05, 0.11, 0.2],
        }
    )
    assert chosen("uncertain", rows=rows) == ["torn", "half-torn", "sure"]


def test_quantities_are_not_uncertain() -> None:
    rows = pl.DataFrame({"decision_id": ["x", "y"], "output.delay": [3.5, 17.0]})
    with pytest.raises(InvalidProject, match="no probabilities"):
        chosen("uncertain", rows=rows)


def test_a_condition_samples_what_meets_it() -> None:
    assert sorted(chosen("output.late > 0.4", 9)) == ["d1", "d2", "d3", "d5"]
    assert chosen("input.carrier = 'it''s' and output.late >= 0.5") == ["d3"]
    assert sorted(chosen("input.carrier = 'UA'", 9)) == ["d0", "d2", "d4"]
    drawn = parse_sample("input.distance < 450").choose(ROWS, 2, salt="q")
    assert (drawn.rows.height, drawn.weight) == (2, 2.0)


def test_a_number_ranks_largest_first() -> None:
    assert chosen("input.distance", 2) == ["d4", "d3"]
    assert chosen("-abs(output.late - 0.9)", 2) == ["d2", "d1"]
    assert parse_sample("input.distance").choose(ROWS, 2, salt="q").weight is None


@pytest.mark.parametrize(
    "sample",
    ["distance > 3", "output.late >", "1 = 1", "select 1", "subject = 'x'", "", "uncertain!"],
)
def test_what_is_no_expression_over_inputs_and_outputs_is_refused(sample: str) -> None:
    with pytest.raises(InvalidProject):
        parse_sample(sample)


@pytest.mark.parametrize("sample", ["input.nobody > 1", "input.carrier", "input.carrier > 3"])
def test_what_makes_no_sense_of_the_rows_says_so(sample: str) -> None:
    with pytest.raises(InvalidProject, match="sample"):
        chosen(sample)


def test_quoted_text_is_not_taken_for_a_column() -> None:
    assert parse_sample("input.carrier = 'output.late'").columns == ("input.carrier",)
    assert parse_sample('"output.late" > 0.5').columns == ("output.late",)


ids = st.lists(st.uuids().map(str), unique=True, min_size=1, max_size=40)


@given(ids, st.integers(1, 50), st.randoms())
def test_a_random_sample_depends_on_the_ids_alone(names: list[str], most: int, random) -> None:
    sample = parse_sample("random")
    drawn = sample.choose(pl.DataFrame({"decision_id": names}), most, salt="q")
    shuffled = list(names)
    random.shuffle(shuffled)
    again = sample.choose(pl.DataFrame({"decision_id": shuffled}), most, salt="q")
    assert drawn.rows["decision_id"].to_list() == again.rows["decision_id"].to_list()
    assert drawn.weight == len(names) / min(most, len(names))


def test_another_queue_draws_another_sample() -> None:
    rows = pl.DataFrame({"decision_id": [f"d{n}" for n in range(200)]})
    one, other = (
        set(parse_sample("random").choose(rows, 50, salt=salt).rows["decision_id"])
        for salt in ("q", "r")
    )
    assert len(one & other) < 30


def test_a_random_sample_is_even() -> None:
    """Each of 2,000 decisions has its chance: the halves differ by less than four sigma."""
    rows = pl.DataFrame({"decision_id": [f"d{n}" for n in range(2000)]})
    drawn = parse_sample("random").choose(rows, 500, salt="q").rows["decision_id"]
    first_half = sum(int(name[1:]) < 1000 for name in drawn)
    assert abs(first_half - 250) < 4 * 9.7
