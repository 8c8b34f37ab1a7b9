"""Explanations add up, show nobody who withdrew, and their counterfactuals flip the model itself."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest

from towpath.assets.models import load_predictor
from towpath.core.errors import InvalidRequest, NotFound, Withdrawn
from towpath.operate.releases import Actionable, Recourse


@pytest.fixture
def model(lender: Any, rows: Any, booster: Any) -> Any:
    lender.add_loans(rows)
    lender.serve()
    return lender.register(booster, rows)


def refused(lender: Any, model: Any, rows: pl.DataFrame, *, above: float = 0.2) -> tuple[str, Any]:
    """Decide on everybody and return somebody who was nearly granted a loan."""
    for at, decision_id in enumerate(lender.decide(model, rows[:40])):
        found = lender.decisions.find(decision_id)
        if above < found.outputs["granted"] < 0.5:
            return decision_id, rows.row(at, named=True)
    raise AssertionError("nobody was nearly granted a loan")


def predictor_of(lender: Any, model: Any) -> Any:
    with lender.ledger.read() as tx:
        return load_predictor(tx.versions.get(model).body["package"], lender.blobs)


def test_shares_add_up_are_ranked_and_named_as_the_data_set_does(
    lender: Any, rows: Any, model: Any
) -> None:
    decision_id, row = refused(lender, model, rows)
    found = lender.explainer.explain(decision_id, actor="ada")
    shares = found.attributions.shares
    assert found.attributions.base + sum(one.share for one in shares) == pytest.approx(
        found.attributions.raw
    )
    assert found.attributions.residual <= found.attributions.tolerance
    assert [abs(one.share) for one in shares] == sorted(
        (abs(one.share) for one in shares), reverse=True
    )
    told = {one.column: (one.value, one.description) for one in shares}
    assert told["income"] == (row["income"], "yearly income in euros")
    assert found.answer == pytest.approx(1 / (1 + np.exp(-found.attributions.raw)))
    assert found.favourable is False
    again = lender.explainer.explain(decision_id, actor="ada")
    assert again.attributions.digest == found.attributions.digest


def test_the_nearest_rows_share_most_leaves_and_are_named_only_where_asked(
    lender: Any, rows: Any, model: Any
) -> None:
    decision_id, row = refused(lender, model, rows)
    found = lender.explainer.explain(decision_id, actor="ada", near=4).nearest
    assert (found.by, found.source, found.revision) == ("leaves", "dataset:loans@1", 1)
    assert found.rows_read == rows.height
    assert found.rows[0].nearness == 1.0  # the person's own row is among them
    assert found.rows[0].values["income"] == row["income"]
    assert [one.nearness for one in found.rows] == sorted(
        (one.nearness for one in found.rows), reverse=True
    )
    assert {one.key for one in found.rows} == {None}
    assert {one.subject for one in found.rows} == {None}
    named = lender.explainer.explain(decision_id, actor="ada", near=4, keys=True).nearest
    assert named.rows[0].key == {"loan_id": row["loan_id"]}
    assert named.rows[0].subject == lender.keyring.subject_hash("applicant", row["applicant"])
    with lender.ledger.read() as tx:
        events = tx.events.read(types=["decision.explained"])
    assert [one.payload["keys"] for one in events] == [False, True]


def test_who_was_erased_or_withdrew_is_nobodys_nearest_row(
    lender: Any, rows: Any, model: Any
) -> None:
    decision_id, row = refused(lender, model, rows)
    seen = lender.explainer.explain(decision_id, actor="ada", near=3, keys=True).nearest
    erased, withdrawn = seen.rows[1].key["loan_id"], seen.rows[2]
    who = rows.filter(pl.col("loan_id") == erased)["applicant"].item()
    lender.datasets.erase(who, "loans")
    lender.withdraw(withdrawn.subject)
    after = lender.explainer.explain(decision_id, actor="ada", near=30, keys=True).nearest
    assert after.revision == 2
    assert after.rows_read == rows.height - 1
    assert len(after.rows) == 30
    named = {one.key["loan_id"] for one in after.rows}
    assert row["loan_id"] in named
    assert not named & {erased, withdrawn.key["loan_id"]}


def grid(action: Actionable, value: float) -> list[tuple[float, float]]:
    """Return every value that somebody could reach, with its cost, the long way round."""
    found = [(value, 0.0)]
    for steps in range(1, 400):
        for sign in {"up": (1,), "down": (-1,), "both": (1, -1)}[action.direction]:
            there = value + sign * steps * action.step
            if (action.least is None or there >= action.least) and (
                action.most is None or there <= action.most
            ):
                found.append((there, steps * action.cost))
    return found


def test_the_cheapest_counterfactual_is_the_one_that_trying_everything_finds(
    lender: Any, rows: Any, model: Any
) -> None:
    actions = (
        Actionable("amount", direction="down", step=5000.0, least=5000.0, cost=1.0),
        Actionable("debts", direction="down", step=1.0, least=0.0, cost=0.7),
        Actionable("years", direction="up", step=1.0, most=40, cost=1.3),
    )
    lender.serve(Recourse(actionable=actions))
    decision_id, row = refused(lender, model, rows)
    found = lender.explainer.explain(decision_id, actor="ada").counterfactuals
    assert found.exact
    every = list(product(*(grid(one, row[one.column]) for one in actions)))
    columns = {
        name: [row[name]] * len(every) for name in ("income", "amount", "debts", "years", "region")
    }
    for at, action in enumerate(actions):
        kind = int if action.column == "years" else float
        columns[action.column] = [kind(one[at][0]) for one in every]
    answers = predictor_of(lender, model).predict(columns)["granted"]
    costs = np.array([sum(cost for _, cost in one) for one in every])
    assert found.found[0].cost == pytest.approx(costs[answers >= 0.5].min())


def test_counterfactuals_flip_the_model_and_change_other_things_each(
    lender: Any, rows: Any, model: Any
) -> None:
    decision_id, row = refused(lender, model, rows)
    found = lender.explainer.explain(decision_id, actor="ada").counterfactuals
    assert found.found
    assert [one.cost for one in found.found] == sorted(one.cost for one in found.found)
    predictor = predictor_of(lender, model)
    sets = []
    for way in found.found:
        changed = dict(row) | {one.column: one.after for one in way.changes}
        columns = {
            name: [changed[name]] for name in ("income", "amount", "debts", "years", "region")
        }
        assert predictor.predict(columns)["granted"][0] == way.answer >= 0.5
        sets.append({one.column for one in way.changes})
        for one in way.changes:
            assert one.column in {"amount", "debts", "years"}  # nothing else is declared
            assert one.after < one.before if one.column != "years" else one.before < one.after <= 40
    assert not any(sets[i] <= sets[j] for j in range(len(sets)) for i in range(j))


def test_nothing_is_promised_where_nothing_that_is_possible_flips_it(
    lender: Any, rows: Any, model: Any
) -> None:
    small = Actionable("years", direction="up", step=1, most=rows["years"][0] + 0.5)
    lender.serve(Recourse(actionable=(small,), contact="Ask us."))
    decision_id, _ = refused(lender, model, rows, above=0.0)
    found = lender.explainer.explain(decision_id, actor="ada")
    assert found.counterfactuals.found == ()
    assert found.counterfactuals.missing
    assert "nothing that you could change" in found.summary.text


def test_a_letter_has_reasons_units_ways_and_whom_to_ask_and_no_jargon(
    lender: Any, rows: Any, model: Any
) -> None:
    decision_id, row = refused(lender, model, rows)
    told = lender.explainer.explain(decision_id, actor="ada").summary
    assert told.decision == "Your loan is not granted."
    assert 1 <= len(told.reasons) <= 4
    assert all(
        one.code.partition("-")[0] in {"high", "low", "no", "region"} for one in told.reasons
    )
    assert told.could_change
    assert told.who[-1] == "Write to loans@example.org to have a person look at it."
    for word in ("log-odds", "Shapley", "probability", "model", "feature", row["applicant"]):
        assert word not in told.text
    assert any(unit in told.text for unit in ("in euros", "in percent"))


def test_other_models_are_compared_by_distance_and_searched_all_the_same(
    lender: Any, rows: Any
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    estimator.only_numbers = True
    lender.add_loans(rows)
    steps = {"amount": 20_000.0, "debts": 3.0}
    coarse = [Actionable(name, direction="down", step=one, least=0) for name, one in steps.items()]
    lender.serve(Recourse(actionable=coarse))
    decision_id, row = refused(lender, lender.register(estimator, rows), rows)
    found = lender.explainer.explain(decision_id, actor="ada")
    assert found.attributions.method == "linear"
    assert found.attributions.settings["background"]
    assert found.nearest.by == "distance"
    assert found.nearest.rows[0].nearness == 0.0
    assert found.nearest.rows[0].values["income"] == row["income"]
    assert found.counterfactuals.found


def test_a_compiled_model_is_explained_by_its_own_form_and_says_how_near_that_is(
    lender: Any, rows: Any, booster: Any
) -> None:
    lender.serve()
    booster.only_numbers = True
    model = lender.register(booster, rows, compiled=True)
    (made,) = lender.decide(model, rows[:1])
    found = lender.explainer.explain(made, actor="ada")
    assert found.form.startswith("compiled")
    assert found.notes[0].startswith("The attributions are of the library's own form; what answers")
    assert "native's very bits" in found.notes[0]


def test_what_can_not_be_explained_says_why(lender: Any, rows: Any, model: Any) -> None:
    (failed,) = lender.decide(model, rows[:1], status="error", error="it failed", outputs={})
    with pytest.raises(InvalidRequest, match="failed"):
        lender.explainer.explain(failed, actor="ada")
    (made,) = lender.decide(model, rows[:1])
    lender.serve(redact={"income": "hash"})
    with pytest.raises(InvalidRequest, match="redacted"):
        lender.explainer.explain(made, actor="ada")
    lender.serve()
    lender.withdraw(lender.keyring.subject_hash("applicant", "P0000"))
    with pytest.raises(Withdrawn):
        lender.explainer.explain(made, actor="ada")
    with pytest.raises(NotFound):
        lender.explainer.explain("0190-nobody", actor="ada")


def test_a_service_without_recourse_is_explained_without_it(
    lender: Any, rows: Any, model: Any
) -> None:
    lender.serve(None)
    decision_id, _ = refused(lender, model, rows)
    found = lender.explainer.explain(decision_id, actor="ada")
    assert (found.favourable, found.counterfactuals.found) == (None, ())
    assert "declares no recourse" in found.counterfactuals.missing
    assert found.summary.decision == "The answer about granted was below one half."
