"""A year of real flights: decisions of the demo replay, are explained on joined features, and are reported."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_decisions_of_living_models_replay_bit_for_bit(told: Any) -> None:
    found = told.ask("decision", "replay", "--service", "delay-board", "--sample", 150)
    assert found["equal"] == found["replayed"] > 0
    assert set(found["impossible"]) <= {"model-deleted"}  # the erasure's
    assert found["replayed"] + sum(found["impossible"].values()) == 150


def test_a_decision_on_looked_up_features_is_explained(told: Any) -> None:
    found = told.ask("decision", "explain", decision_of_the_champion(told))
    shares = found["attributions"]
    total = shares["base"] + sum(one["share"] for one in shares["shares"])
    assert total == pytest.approx(shares["raw"])
    assert {"carrier", "wind_speed", "seats"} <= {one["column"] for one in shares["shares"]}
    near = found["nearest"]
    if not near["missing"]:  # the step's table is kept until an erasure or a collection takes it
        assert near["source"].startswith("artifact:")
        assert [one["nearness"] for one in near["rows"]] == sorted(
            (one["nearness"] for one in near["rows"]), reverse=True
        )
    assert "declares no recourse" in found["counterfactuals"]["missing"]


def decision_of_the_champion(told: Any) -> str:
    """Return a decision of the model that serves: what an erasure condemned is explained no more."""
    arms = told.ask("release", "traffic")["services"]["delay-board"]["arms"]
    (champion,) = (one["model"].removeprefix("model:") for one in arms if one["arm"] == "champion")
    page = told.ask("decision", "list", "delay-board", "--model", champion, "--limit", 1)
    return page["decisions"][0]["decision_id"]


def test_an_aeroplane_is_told_what_is_held_of_it(told: Any) -> None:
    row = told.ask("dataset", "show", "flights", "--rows", 1)["rows"][0]
    found = told.ask("subject", "report", f"tailnum={row['tailnum']}")
    held = {(one["kind"], one["name"]): one for one in found["holdings"]}
    assert row["flight_id"] in {one["flight_id"] for one in held["dataset", "flights"]["values"]}
    assert ("online_tables", "fleet") in held
    assert any(one["live"] == ["delay-board"] for one in found["models"])
    assert not found["withdrawn"]
