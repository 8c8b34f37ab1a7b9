"""The examples of kinds of models pass their gates, and say what they should."""

from __future__ import annotations

from typing import Any

import pytest

NOW = ("--at", "2026-02-25T14:00:00Z")
Start = Any  # from a name, a script and a data set to a running example


CASES = {
    "weekly-demand": ("make_demand.py", "hires", "demand", "forecast", "statsmodels", "mase"),
    "what-to-read": ("make_loans.py", "loans", "what-to-read", "ranking", "factors", "recall@10"),
    "odd-readings": (
        "make_readings.py",
        "readings",
        "odd-pump",
        "anomaly",
        "sklearn",
        "average_precision",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_example_passes_its_gates(example: Start, name: str) -> None:
    script, dataset, model, task, flavour, metric = CASES[name]
    made = example(name, script, dataset)
    code, result = made.say("run")
    assert (code, result["verdict"], result["model"]) == (0, "pass", f"model:{model}@1")
    _, version = made.say("model", "show", model)
    body = version["body"]
    assert (body["task"], body["flavour"]) == (task, flavour)
    assert metric in body["metrics"]
    assert version["family"] == [{"ref": f"model:{model}@1", "depth": 0}]
    assert made.say("model", "verify", model)[1]["valid"]


def test_a_model_is_fine_tuned_and_keeps_its_parent(example: Start) -> None:
    made = example("delays-tuned", "make_trips.py", "trips")
    assert made.say("run", "train")[1]["verdict"] == "pass"
    code, tuned = made.say("run", "tune", *NOW)
    assert (code, tuned["model"]) == (0, "model:delay@2")
    _, child = made.say("model", "show", "delay@2")
    assert child["body"]["parent"] == "model:delay@1"
    assert [one["ref"] for one in child["family"]] == ["model:delay@1", "model:delay@2"]
    gate = next(one for one in child["body"]["gates"] if one["gate"].endswith(":parent"))
    assert gate["evidence"]["parent"] == "model:delay@1"
    assert gate["evidence"]["challenger_value"] < gate["evidence"]["parent_value"]
    assert "model:delay@2" in made.shown("model", "show", "delay@1")
    assert "Fine-tuned from model:delay@1" in made.shown("model", "card", "delay@2")
    told = made.shown("trace", "model:delay@2")
    assert "fine-tuned from" in told
    assert "fine-tuned into" in made.shown("impact", "model:delay@1")
    again = made.say("run", "tune", *NOW, "--pin", "model:delay=1")[1]
    assert (again["model"], again["cached"]) == ("model:delay@2", again["steps"])
