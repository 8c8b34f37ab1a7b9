"""What a judge makes of rows under several rules: kept, set aside, warned of, refused."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest
from rule_surroundings import Table

from towpath.assets.checks import CheckReport, Judge, Naming, keys_shown, refusal, rules, sentence
from towpath.core.errors import UsageError

SMALL = rules.Between("x", most=10, policy="quarantine")
EVEN = rules.Custom(lambda rows: rows["x"] % 2 == 0, name="x is even", policy="quarantine")


def rows(*values: int | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"r{place}" for place in range(len(values))],
            "x": values,
            "who": ["ann", "bob"] * (len(values) // 2) + ["ann"] * (len(values) % 2),
        },
        schema={"id": pl.String, "x": pl.Int64, "who": pl.String},
    )


def judge(*declared: rules.Between, around: Table | None = None, **options: object) -> Judge:
    around = around or Table()
    around.columns = dict(rows().schema)
    return Judge(declared, around, naming=options.pop("naming", Naming()), **options)


def outcomes(report: CheckReport) -> dict[str, tuple[str, int]]:
    return {one.name: (one.outcome, one.broken) for one in report.results}


def test_rows_part_by_every_rule_that_sets_aside():
    judged = judge(SMALL, EVEN).judge(rows(2, 11, 3, 12))
    assert judged.kept["x"].to_list() == [2]
    assert dict(judged.aside.select("x", "quarantine_reason").iter_rows()) == {
        11: "x is at most 10; x is even",
        3: "x is even",
        12: "x is at most 10",
    }
    assert judged.places.to_list() == [1, 2, 3]


def test_nothing_wrong_sets_nothing_aside():
    one = judge(SMALL)
    judged = one.judge(rows(1, 2))
    assert judged.kept.equals(rows(1, 2))
    assert judged.aside.is_empty()
    assert judged.aside.columns == [*rows().columns, "quarantine_reason"]
    assert outcomes(one.report()) == {"x is at most 10": ("kept", 0)}


def test_policy_decides_what_a_broken_rule_means():
    for policy, outcome in (
        ("refuse", "refused"),
        ("warn", "warned"),
        ("quarantine", "quarantined"),
    ):
        one = judge(rules.Between("x", most=10, policy=policy))
        kept = one.judge(rows(1, 11, 12, 2)).kept.height
        assert outcomes(one.report()) == {"x is at most 10": (outcome, 2)}
        assert kept == (2 if policy == "quarantine" else 4)


@pytest.mark.parametrize(("tolerance", "outcome"), [(0.25, "warned"), (0.5, "tolerated")])
def test_a_rule_fails_beyond_its_tolerance(tolerance: float, outcome: str):
    one = judge(rules.Between("x", most=10, policy="warn", tolerance=tolerance))
    one.judge(rows(1, 11, 12, 2))
    assert outcomes(one.report()) == {"x is at most 10": (outcome, 2)}


def test_within_its_tolerance_a_rule_sets_nothing_aside():
    rule = rules.Between("x", most=10, policy="quarantine", tolerance=0.5)
    assert judge(rule).judge(rows(1, 11, 12, 2)).aside.is_empty()
    assert judge(rule).judge(rows(1, 11, 12, 13)).aside.height == 3


def test_rules_about_the_whole_see_what_stays():
    mean = rules.Statistic("x", "mean", at_most=5)
    one = judge(SMALL, mean, rules.RowCount(at_most=2))
    one.judge(rows(1, 900, 3))
    assert outcomes(one.report()) == {
        "x is at most 10": ("quarantined", 1),
        "mean of x at most 5": ("kept", 0),
        "at most 2 rows": ("kept", 0),
    }


def test_a_quarantine_has_a_limit():
    one = judge(SMALL, rules.Quarantined(0.4))
    one.judge(rows(1, 11, 12, 2))
    assert [result.name for result in one.report().refused] == [
        "at most 40% of the rows quarantined"
    ]
    assert "50% of its rows quarantined, not at most 40%" in str(refusal("t", one.report()))


def test_no_rows_at_all_are_judged_too():
    one = judge(SMALL, rules.RowCount(at_least=1), rules.Statistic("x", "mean", 0))
    one.judge(rows())
    assert outcomes(one.report()) == {
        "x is at most 10": ("kept", 0),
        "at least 1 rows": ("refused", 0),
        "mean of x at least 0": ("kept", 0),
    }
    assert outcomes(judge(rules.RowCount(at_least=1)).report()) == {
        "at least 1 rows": ("refused", 0)
    }


# -- pieces ------------------------------------------------------------------------------------------


def test_a_judge_goes_on_where_it_was_when_its_process_died():
    declared = (
        rules.Between("x", most=10, policy="warn", tolerance=0.3),
        EVEN,
        rules.RowCount(at_least=4),
        rules.Statistic("x", "max", at_most=20),
    )
    whole = judge(*declared)
    whole.judge(rows(2, 4, 12))
    whole.judge(rows(3, 6, 14))
    first = judge(*declared)
    first.judge(rows(2, 4, 12))
    kept = msgspec.json.decode(msgspec.json.encode(first.seen))
    second = judge(*declared, seen=kept)
    second.judge(rows(3, 6, 14))
    assert second.report() == whole.report()
    assert second.report().rows == 6


def test_rows_are_numbered_on_from_piece_to_piece():
    one = judge(rules.Between("x", most=10, policy="warn"))
    one.judge(rows(1, 2))
    one.judge(rows(3, 11))
    assert [sample.row for sample in one.report().results[0].sample] == [3]


def test_what_later_pieces_may_mend_is_not_refused_before_the_end():
    mendable = rules.Between("x", most=10, tolerance=0.3)
    certain = rules.Between("x", most=100)
    one = judge(mendable, certain, rules.RowCount(at_least=9))
    one.judge(rows(11, 12))
    assert one.report(final=False).refused == ()
    assert len(one.report().refused) == 2
    one.judge(rows(101))
    assert [result.name for result in one.report(final=False).refused] == ["x is at most 100"]


# -- what is told ------------------------------------------------------------------------------------


def test_samples_name_keys_and_hash_people_and_stop_at_five():
    naming = Naming(key=("id",), subject="who", hashed=lambda value: f"hash of {len(value)}")
    one = judge(rules.Between("x", most=0, policy="warn"), naming=naming)
    one.judge(rows(*range(1, 9)), numbers=pl.Series(range(100, 108)))
    (result,) = one.report().results
    assert result.broken == 8
    assert [(sample.row, sample.key, sample.subject) for sample in result.sample] == [
        (100 + place, {"id": f"r{place}"}, "hash of 3") for place in range(5)
    ]
    assert "in 8 of 8 rows, first in row 100 (id 'r0'), row 101 (id 'r1')" in sentence("t", result)


def test_rows_set_aside_are_sampled_only_where_no_quarantine_keeps_them():
    for sample_aside, sampled in ((False, 0), (True, 1)):
        one = judge(SMALL, sample_aside=sample_aside)
        one.judge(rows(1, 11))
        assert len(one.report().results[0].sample) == sampled


def test_a_personal_key_is_never_shown():
    assert keys_shown(("id",), {"who"}) == ("id",)
    assert keys_shown(("id", "who"), {"who"}) == ()


def test_an_erased_person_leaves_samples_but_not_counts():
    naming = Naming(key=("id",), subject="who", hashed=lambda value: value.upper())
    one = judge(rules.Between("x", most=0, policy="warn"), naming=naming)
    one.judge(rows(1, 2, 3, 4))
    left = one.report().without_subjects(["ANN"])
    assert {sample.subject for sample in left.results[0].sample} == {"BOB"}
    assert left.results[0].broken == 4


def test_what_was_measured_on_an_erased_person_goes_with_them():
    """The largest value is theirs, and the mean before gives it away beside the mean after."""
    one = judge(
        rules.Statistic("x", of="max", at_most=3, policy="warn"),
        rules.Statistic("x", of="mean", at_least=0, policy="warn"),
        rules.RowCount(at_least=1, policy="warn"),
    )
    one.judge(rows(1, 2, 3, 90_210))
    before = one.report()
    assert "90,210" in before.results[0].words
    left = before.without_subjects(["ANN"])
    assert [result.value for result in left.results] == [None, None, 4.0]
    assert "90" not in str(left.to_json()["results"][0])
    assert [(result.outcome, bool(result.words)) for result in left.results] == [
        (result.outcome, bool(result.words)) for result in before.results
    ]


def test_reports_survive_json():
    one = judge(
        SMALL,
        EVEN,
        rules.RowCount(1),
        rules.Fresh("1d", "at"),
        naming=Naming(key=("id",)),
        around=Table(time="at"),
    )
    one.judge(rows(1, 2, 11).with_columns(at=pl.lit(None, dtype=pl.Datetime("us", "UTC"))))
    report = one.report()
    assert (
        CheckReport.from_json(msgspec.json.decode(msgspec.json.encode(report.to_json()))) == report
    )


def test_an_error_inside_a_rule_names_the_rule_and_no_value():
    def clumsy(frame: pl.DataFrame) -> pl.Series:
        raise ValueError(f"what is {frame['who'][0]}?")

    with pytest.raises(UsageError) as caught:
        judge(rules.Custom(clumsy)).judge(rows(1))
    assert "the rule 'clumsy' can't judge the rows: it raised ValueError" in str(caught.value)
    assert "ann" not in str(caught.value)
