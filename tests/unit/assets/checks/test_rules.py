"""Each rule, on rows that keep it and rows that break it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_surroundings import Table

from towpath.assets.checks import rules
from towpath.core.errors import InvalidProject, UsageError

NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)


def broken(rule: rules.Between, rows: pl.DataFrame, around: Table) -> list[int]:
    """Return the numbers of the rows that break any part of a rule."""
    around.columns = dict(rows.schema)
    rule.check(around.columns)
    masks = [part.rows for part in rule.broken(rows, around)]
    assert all(mask.null_count() == 0 and mask.len() == rows.height for mask in masks)
    return sorted({place for mask in masks for place in mask.arg_true().to_list()})


# -- values ------------------------------------------------------------------------------------------


def test_present_finds_what_is_missing(around: Table):
    assert broken(rules.Present("x"), pl.DataFrame({"x": [1, None, 3]}), around) == [1]


def test_a_share_that_must_be_present_is_a_share_that_may_be_missing():
    assert rules.Present("x", at_least=0.9).tolerance == pytest.approx(0.1)
    assert rules.Present("x", at_least=0.9).says == "x is present in at least 90% of the rows"


@pytest.mark.parametrize(
    ("least", "most", "wrong"),
    [(0, 10, [0, 3]), (None, 10, [3]), (0, None, [0]), (-1, 11, [])],
)
def test_bounds_are_inclusive(around: Table, least: int | None, most: int | None, wrong: list[int]):
    rows = pl.DataFrame({"x": [-1, 0, 10, 11, None]})
    assert broken(rules.Between("x", least, most), rows, around) == wrong


def test_bounds_may_be_days_and_times(around: Table):
    days = pl.DataFrame({"x": [date(2020, 1, 1), date(2030, 1, 1), None]})
    assert broken(rules.Between("x", most=date(2025, 1, 1)), days, around) == [1]
    times = pl.DataFrame({"x": [NOON, NOON + timedelta(hours=1)]})
    assert broken(rules.Between("x", NOON, NOON), times, around) == [1]


def test_values_come_from_a_list(around: Table):
    rows = pl.DataFrame({"x": ["a", "b", None, "A"]})
    assert broken(rules.OneOf("x", ["a", "b"]), rows, around) == [3]
    assert broken(rules.OneOf("x", [1, 2]), pl.DataFrame({"x": [1, 3]}), around) == [1]


def test_a_pattern_must_match_from_end_to_end(around: Table):
    rows = pl.DataFrame({"x": ["N1", "xN1", "N1\n", "n1", None, "N1|M2"]})
    assert broken(rules.Matches("x", "N[0-9]|M[0-9]"), rows, around) == [1, 2, 3, 5]


# -- relations ---------------------------------------------------------------------------------------


def test_every_row_of_a_repetition_is_named_and_missing_values_repeat_nothing(around: Table):
    rows = pl.DataFrame({"id": [1, 2, 3, 4, 5], "x": ["a", "b", "a", None, None]})
    assert broken(rules.Unique("x"), rows, around) == [0, 2]


def test_unique_looks_at_what_is_stored_under_other_keys(around: Table):
    around.there = pl.DataFrame({"id": [1, 9], "x": ["a", "b"]})
    rows = pl.DataFrame({"id": [1, 2, 3], "x": ["a", "b", "c"]})
    # Row 0 is the stored one, or takes its place; row 1 takes what row 9 has.
    assert broken(rules.Unique("x"), rows, around) == [1]


def test_a_value_that_its_row_gives_up_is_free_for_another(around: Table):
    around.there = pl.DataFrame({"id": [1], "x": ["a"]})
    rows = pl.DataFrame({"id": [1, 2], "x": ["b", "a"]})
    assert broken(rules.Unique("x"), rows, around) == []


def test_several_columns_are_unique_together(around: Table):
    rows = pl.DataFrame({"id": [1, 2, 3], "x": [1, 1, 1], "y": [1, 2, 2]})
    assert broken(rules.Unique(["x", "y"]), rows, around) == [1, 2]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, "a", "b", "c"])), max_size=12))
def test_unique_is_what_counting_says(stored: list[tuple[int, str | None]]):
    there = dict(stored)
    rows = pl.DataFrame(
        {"id": list(range(5)), "x": ["a", "a", "b", "c", None]},
        schema={"id": pl.Int64, "x": pl.String},
    )
    around = Table(
        there=pl.DataFrame(
            {"id": list(there), "x": list(there.values())},
            schema={"id": pl.Int64, "x": pl.String},
        )
    )
    after = {**there, **dict(rows.iter_rows())}
    values = [value for value in after.values() if value is not None]
    expected = [row for row, (_, x) in enumerate(rows.iter_rows()) if values.count(x) > 1]
    assert broken(rules.Unique("x"), rows, around) == expected


def test_references_must_be_keys_of_the_other(around: Table):
    around.others["airports"] = pl.DataFrame({"code": ["EWR", "JFK"], "name": ["a", "b"]})
    rows = pl.DataFrame({"x": ["EWR", "LAX", None, "JFK", "LAX"]})
    assert broken(rules.References("x", "airports", "code"), rows, around) == [1, 4]


def test_references_by_several_columns_match_in_order(around: Table):
    around.others["days"] = pl.DataFrame({"code": ["EWR"], "day": [1]})
    rows = pl.DataFrame({"on": [1, 2], "x": ["EWR", "EWR"]})
    rule = rules.References(["x", "on"], "days", ["code", "day"])
    assert broken(rule, rows, around) == [1]


def test_a_reference_of_another_type_is_told_rather_than_cast(around: Table):
    around.others["airports"] = pl.DataFrame({"code": [1]})
    with pytest.raises(
        UsageError,
        match=r"compares column 'x' \(String\) with column 'code' of data set 'airports'",
    ):
        broken(rules.References("x", "airports", "code"), pl.DataFrame({"x": ["1"]}), around)


# -- tables ------------------------------------------------------------------------------------------


def measured(rule: rules.RowCount, pieces: list[pl.DataFrame], around: Table) -> tuple[bool, str]:
    """Judge pieces one by one and all at once: it must come to the same."""
    around.columns = dict(pieces[0].schema)
    rule.check(around.columns)
    tallies = [rule.tally(piece, around) for piece in pieces]
    total = tallies[0]
    for tally in tallies[1:]:
        total = rule.add(total, tally)
    together = rule.measure(total, around)
    once = rule.measure(rule.tally(pl.concat(pieces), around), around)
    assert together.kept == once.kept
    assert together.value == pytest.approx(once.value)
    return together.kept, together.words


def frames(*values: list[object]) -> list[pl.DataFrame]:
    return [pl.DataFrame({"x": one}) for one in values]


def test_rows_are_counted_over_pieces(around: Table):
    assert measured(rules.RowCount(at_least=4), frames([1, 2], [3]), around) == (
        False,
        "has 3 rows, not at least 4",
    )
    assert measured(rules.RowCount(3, 3), frames([1, 2], [3]), around)[0]


def test_the_newest_row_counts(around: Table):
    old, new = [NOON - timedelta(days=9)], [NOON]
    pieces = [pl.DataFrame({"at": one}) for one in (new, old)]
    assert measured(rules.Fresh("12h"), pieces, around)[0]
    kept, words = measured(rules.Fresh("11h"), pieces, around)
    assert (kept, words) == (False, "is 12h old at its newest, not within 11h")


def test_no_rows_are_not_stale(around: Table):
    around.columns = {"at": pl.Datetime("us", "UTC")}
    rule = rules.Fresh("1h")
    assert rule.measure(rule.tally(pl.DataFrame(schema=around.columns), around), around).kept


def test_freshness_warns_unless_told_otherwise():
    assert rules.Fresh("1h").policy == "warn"
    assert rules.Fresh("1h", policy="refuse").policy == "refuse"


@pytest.mark.parametrize(
    ("of", "value"), [("mean", 3.0), ("sd", 2.0), ("min", 1.0), ("max", 5.0), ("sum", 9.0)]
)
def test_statistics_are_those_of_all_pieces(around: Table, of: str, value: float):
    pieces = [pl.DataFrame({"x": one}) for one in ([1.0, None], [3.0], [5.0])]
    assert measured(rules.Statistic("x", of, value, value), pieces, around)[0]
    kept, words = measured(rules.Statistic("x", of, value + 1), pieces, around)
    assert not kept
    assert words.startswith(f"has a {of} of x of {value:g}")


def test_the_share_of_truths_is_their_mean(around: Table):
    assert not measured(rules.Statistic("x", "mean", at_most=0.4), frames([True, False]), around)[0]


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=4))
def test_spread_adds_up_over_pieces(values: list[list[float]]):
    measured(rules.Statistic("x", "sd", at_least=0), frames(*values), Table())


# -- a project's own ---------------------------------------------------------------------------------


def test_an_expression_must_hold_and_the_unknown_holds(around: Table):
    rows = pl.DataFrame({"x": [1, 5, None], "y": [2, 2, 2]})
    rule = rules.Holds("x comes before y", pl.col("x") < pl.col("y"))
    assert broken(rule, rows, around) == [1]
    assert rule.broken(rows, around)[0].columns == ("x", "y")


def positive(rows: pl.DataFrame) -> pl.Series:
    return rows["x"] > 0


def test_a_function_says_which_rows_are_right(around: Table):
    rows = pl.DataFrame({"x": [1, -1, None]})
    assert broken(rules.Custom(positive), rows, around) == [1]
    assert broken(rules.Custom(lambda _: pl.col("x") > 0, name="positive"), rows, around) == [1]
    assert rules.Custom(positive).title == "positive"


def test_a_function_that_gives_something_else_is_told_what_it_must_give(around: Table):
    with pytest.raises(UsageError, match="gave a int for 2 rows"):
        rules.Custom(lambda _: 1, name="one").broken(pl.DataFrame({"x": [1, 2]}), around)
    with pytest.raises(UsageError, match="gave 1 values of Boolean for 2 rows"):
        rules.Custom(lambda _: pl.Series([True]), name="short").broken(
            pl.DataFrame({"x": [1, 2]}), around
        )


def test_each_check_of_a_pandera_schema_is_a_part(around: Table, monkeypatch: pytest.MonkeyPatch):
    import pandera.polars as pa

    class Rides(pa.DataFrameModel):
        x: int = pa.Field(ge=0, le=10, nullable=True)
        y: str = pa.Field(isin=["a", "b"])

        @pa.dataframe_check
        def alike(cls, data: pa.PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col("x") != 3)

    # A rule is not off because the environment turns pandera off.
    monkeypatch.setenv("PANDERA_VALIDATION_ENABLED", "False")
    rows = pl.DataFrame({"x": [1, 11, None, 3], "y": ["a", "z", "b", "a"]})
    rule = rules.Pandera(Rides)
    rule.check(dict(rows.schema))
    parts = {
        (part.columns, part.words): part.rows.arg_true().to_list()
        for part in rule.broken(rows, around)
    }
    assert parts[("x",), "fails pandera's check less_than_or_equal_to(10)"] == [1]
    assert parts[("y",), "fails pandera's check isin(['a', 'b'])"] == [1]
    assert parts[(), "fails pandera's check alike"] == [3]
    assert rule.says == "fits the pandera schema Rides"


def test_a_pandera_check_without_rows_is_broken_by_all(around: Table):
    import pandera.polars as pa

    rule = rules.Pandera(pa.DataFrameSchema({"x": pa.Column(pl.Float64)}))
    assert broken(rule, pl.DataFrame({"x": [1, 2]}), around) == [0, 1]


# -- declarations that can't be meant ----------------------------------------------------------------

COLUMNS = {"x": pl.Int64(), "s": pl.String(), "at": pl.Datetime("us", "UTC")}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (rules.Present("z"), "there is no column 'z'"),
        (rules.Present("x", policy="drop"), "its policy is 'drop'"),
        (rules.Between("x", 0, tolerance=1.0), "its tolerance is 1.0"),
        (rules.Between("x"), "it has no bound"),
        (rules.Between("x", 3, 1), "no value can be between its bounds"),
        (rules.Between("s", 0), "holds String and is compared to 0"),
        (rules.Between("x", "0"), "is compared to '0'"),
        (rules.Between("at", datetime(2020, 1, 1)), "is compared to"),
        (rules.OneOf("x", []), "it allows no value"),
        (rules.OneOf("x", ["a"]), "not what column 'x' holds"),
        (rules.Matches("x", "a"), "holds Int64, not texts"),
        (rules.Matches("s", "("), "its pattern can't be read"),
        (rules.Unique([]), "it names no column"),
        (rules.References(["x", "s"], "other", ["x"]), "compares 2 columns with 1"),
        (rules.RowCount(), "it has no bound"),
        (rules.RowCount(5, 1), "nothing can be between its bounds"),
        (rules.RowCount(1, policy="quarantine"), "its policy is 'quarantine'"),
        (rules.RowCount(1, tolerance=0.1), "it has a tolerance"),
        (rules.Fresh("1d", "x"), "holds Int64, not times"),
        (rules.Statistic("s", "mean", 0), "holds String, not numbers"),
        (rules.Statistic("x", "median", 0), "there is no statistic 'median'"),
        (rules.Holds("a", pl.col("z") > 1), "there is no column 'z'"),
        (rules.Holds("a", pl.col("s") > 1), "its expression can't be computed"),
        (rules.Custom("not a function"), "is not a function"),
        (rules.Pandera(3), "3 is not a schema"),
        (rules.Declared(policy="warn"), "its policy is 'warn'"),
        (rules.Declared(tolerance=0.1), "it has a tolerance"),
        (rules.Quarantined(1.5), "at_most is 1.5"),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_what_cannot_be_meant_is_refused_as_it_is_declared(rule: rules.Between, why: str):
    with pytest.raises(InvalidProject) as caught:
        rule.check(COLUMNS)
    assert why in str(caught.value)


def test_what_cannot_be_meant_at_all_is_refused_as_it_is_written():
    with pytest.raises(InvalidProject, match="its values are the text 'EWR'"):
        rules.OneOf("x", "EWR")
    with pytest.raises(InvalidProject, match="at_least is 0"):
        rules.Present("x", at_least=0)


def test_a_rule_is_described_alike_in_every_process():
    described = rules.Custom(positive, policy="warn").describe()
    assert described == {
        "type": "Custom",
        "title": "positive",
        "says": "positive",
        "policy": "warn",
        "tolerance": 0.0,
    }
    held = rules.Holds("x is small", pl.col("x") < 3, name="small").describe()
    assert (held["title"], held["says"]) == ("small", "x is small")
