"""Suspects are computed: what was planted is found, and where nothing was, nothing is."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from lender import loans

from towpath.core.refs import Ref
from towpath.trace.incidents.suspects.adjusting import adjusted


@pytest.fixture
def southern(rows: pl.DataFrame) -> pl.DataFrame:
    """Return loans of which those of the south were written down wrongly."""
    turned = pl.when(region="south").then(1 - pl.col("granted")).otherwise(pl.col("granted"))
    return rows.with_columns(granted=turned)


def train(bank: Any, rows: pl.DataFrame) -> Ref:
    booster = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=7, verbose=-1, n_jobs=1)
    return bank.register(booster, rows)


def decided(bank: Any, model: Ref, rows: pl.DataFrame) -> list[str]:
    """Decide, and say what was true of each."""
    made = bank.decide(model, rows)
    for at, decision in enumerate(made):
        bank.label(decision, float(rows["granted"][at]))
    return made


def of_kind(found: Any, kind: str) -> list[Any]:
    return [one for one in found.suspects if one.kind == kind]


def wrong_in(region: str, made: list[str], rows: pl.DataFrame) -> str:
    place = next(
        at
        for at, row in enumerate(rows.iter_rows(named=True))
        if row["region"] == region and row["granted"] == 1 and row["income"] > 45_000
    )
    return made[place]


def test_the_slice_and_the_rows_that_were_written_down_wrongly_are_found(
    bank: Any, rows: pl.DataFrame, southern: pl.DataFrame
) -> None:
    bank.add_loans(southern)
    model = train(bank, southern)
    made = decided(bank, model, rows)
    bank.incidents.open(decisions=[wrong_in("south", made, rows)], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    first = of_kind(found, "slice")[0]
    assert first.name == "region is 'south'"
    assert first.value > 0.5
    assert first.p < 1e-6
    (near,) = of_kind(found, "rows")
    assert near.value > 0.5
    assert near.refs == ("dataset:loans@1",)
    assert of_kind(found, "drift") == []
    assert bank.incidents.get("lending.1").triage == found
    assert bank.incidents.get("lending.1").state == "triaged"
    with bank.ledger.read() as tx:
        (read,) = tx.events.read(types=["decisions.read"])
        (told,) = tx.events.read(types=["incident.triaged"])
    assert (read.actor, read.payload["incident"]) == ("ada", "lending.1")
    assert told.payload["suspects"]["slice"] == len(of_kind(found, "slice"))


def test_a_slice_that_the_decision_is_not_in_is_not_suspected(
    bank: Any, rows: pl.DataFrame, southern: pl.DataFrame
) -> None:
    bank.add_loans(southern)
    made = decided(bank, train(bank, southern), rows)
    bank.incidents.open(decisions=[wrong_in("north", made, rows)], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    assert not [one for one in of_kind(found, "slice") if "south" in one.name]
    assert of_kind(found, "rows") == []


def test_nothing_is_suspected_of_a_model_that_is_right(bank: Any, rows: pl.DataFrame) -> None:
    bank.add_loans(rows)
    made = decided(bank, train(bank, rows), loans(800)[400:])
    bank.incidents.open(decisions=made[:1], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    assert of_kind(found, "rows") == []
    assert of_kind(found, "drift") == []
    assert "No other version served before this one." in found.notes


def test_training_rows_are_shown_when_asked_for_and_never_kept(
    bank: Any, rows: pl.DataFrame, southern: pl.DataFrame
) -> None:
    bank.add_loans(southern)
    made = decided(bank, train(bank, southern), rows)
    bank.incidents.open(decisions=[wrong_in("south", made, rows)], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada", near=3, keys=True)
    assert found.nearest is not None
    assert len(found.nearest.rows) == 3
    assert found.nearest.rows[0].key is not None
    assert bank.incidents.get("lending.1").triage.nearest is None
    with bank.ledger.read() as tx:
        kept = str(tx.intents.get("incident", "lending.1").spec)
        assert [one.payload["keys"] for one in tx.events.read(types=["decisions.read"])] == [True]
    assert str(found.nearest.rows[0].values["income"]) not in kept
    assert found.nearest.rows[0].key["loan_id"] not in kept


def test_a_single_row_that_pulled_a_line_is_found(bank: Any, rows: pl.DataFrame) -> None:
    place = pl.int_range(pl.len()) == 0
    spoiled = rows.with_columns(
        income=pl.when(place).then(400_000.0).otherwise("income"),
        granted=pl.when(place).then(0).otherwise("granted"),
    )
    bank.add_loans(spoiled)
    model = bank.train(spoiled)
    made = decided(bank, model, rows)
    rich = int(rows.with_columns(odds=pl.col("income") * pl.col("granted"))["odds"].arg_max())
    bank.incidents.open(decisions=[made[rich]], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    (pulled,) = [one for one in of_kind(found, "rows") if "influence" in one.name]
    assert pulled.name == "1 training row of dataset:loans@1, by influence"
    assert pulled.value > 1


def test_an_input_that_moved_is_ranked_first(bank: Any, rows: pl.DataFrame) -> None:
    bank.add_loans(rows)
    model = train(bank, rows)
    richer = rows.with_columns(income=pl.col("income") + 40_000.0)
    made = bank.decide(model, richer)
    bank.incidents.open(decisions=made[:1], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    first = of_kind(found, "drift")[0]
    assert first.name == "income"
    assert first.value > 0.5
    assert first.p < 0.05
    assert any("too few to slice" in one for one in found.notes)


def test_what_changed_since_the_version_before_is_named(
    bank: Any, rows: pl.DataFrame, southern: pl.DataFrame
) -> None:
    bank.add_loans(rows)
    before, after = bank.train(rows), bank.train(southern)
    bundles = [
        bank.blobs.put(
            b'{"entry":"a:b","files":[{"path":"train.py","digest":"%s","size_bytes":1}]}'
            % (digest * 64)
        )
        for digest in (b"a", b"b")
    ]
    said = [
        {"params": {"depth": 3}, "code": "code:lending@1", "lock": bank.blobs.put(b"numpy==1.0\n")},
        {"params": {"depth": 9}, "code": "code:lending@2", "lock": bank.blobs.put(b"numpy==2.0\n")},
    ]
    with bank.ledger.write() as tx:
        tx.versions.declare("code", "lending", project="lending")
        for bundle in bundles:
            tx.versions.commit("code", "lending", digest=bundle, body={"bundle": bundle})
        for number, ref in enumerate((before, after)):
            pinned = {"services": {"lending": {"model": str(ref)}}}
            if number == 0:
                tx.versions.declare("release", "production", project="towpath")
            tx.versions.commit("release", "production", digest=str(number), body=pinned)
            body = {**tx.versions.get(ref).body, **said[number]}
            tx.versions.revise(ref, digest=f"m{number}", body=body, reason="test")
    made = bank.decide(after, rows[:1], release="release:production@2")
    bank.incidents.open(decisions=made, actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    (code,) = of_kind(found, "code")
    assert code.summary == (f"code:lending@2 differs from code:lending@1, of {before}, in train.py")
    changed = {one.name: one for one in of_kind(found, "model")}
    assert changed.keys() == {"parameters", "environment"}
    assert changed["parameters"].summary.endswith(f"than {before}: depth")
    assert changed["environment"].summary.endswith(f"than {before}: numpy")


def test_columns_that_name_people_are_not_cut_by(
    bank: Any, rows: pl.DataFrame, southern: pl.DataFrame
) -> None:
    bank.add_loans(southern)
    model = train(bank, southern)
    made = decided(bank, model, rows)
    with bank.ledger.write() as tx:
        version = tx.versions.get(Ref("dataset", "loans", 1))
        columns = [{**one, "personal": one["name"] == "region"} for one in version.body["columns"]]
        tx.versions.revise(
            version.ref,
            digest=version.digest,
            body={**version.body, "columns": columns},
            reason="x",
        )
    bank.incidents.open(decisions=[wrong_in("south", made, rows)], actor="ada")
    found = bank.incidents.triage("lending.1", actor="ada")
    assert not [one for one in found.suspects if "region" in one.name]


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    # Worked by hand: 0.01·4/1, 0.02·4/2, 0.04·4/3 (0.0533), 0.3; from below the least counts.
    assert adjusted([0.04, 0.01, 0.3, 0.02]) == pytest.approx([0.16 / 3, 0.04, 0.3, 0.04])
    assert adjusted([]) == []
    found = adjusted([np.nan, 0.5])
    assert np.isnan(found[0])
    assert found[1] == 0.5
