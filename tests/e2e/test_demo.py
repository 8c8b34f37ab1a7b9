"""`towpath demo` tells what the issue of the whole loop asks for, and all of it is really there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

if TYPE_CHECKING:
    from towpath.demo.feed import Feed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_summary_has_what_a_machine_needs(told: Any):
    summary = told.summary
    assert set(summary["dataset_versions"]) == {"flights", "weather", "planes"}
    assert summary["dataset_versions"]["flights"] > 3
    assert summary["runs"]["pipeline"] >= 3
    assert summary["runs"]["step"] >= summary["runs"]["pipeline"]
    assert summary["decisions"] > 1000
    assert 0.9 * summary["decisions"] < summary["labels_joined"] <= summary["decisions"]
    assert summary["seconds"] > 0
    assert summary["reused"] == {"decisions": 0}


def test_the_loop_turned_by_itself(told: Any):
    summary = told.summary
    assert summary["alerts"], "no alarm fired"
    for alert in summary["alerts"]:
        assert alert["kind"] in ("drift", "performance")
        assert alert["features"]
    assert summary["retrainings"], "no alarm led to a retraining"
    first = summary["retrainings"][0]
    assert first["reason"].startswith("trigger:")
    assert first["phase"] == "done"
    assert first["verdict"] == "pass"

    ended = [one for one in summary["rollouts"] if one["phase"] == "done"]
    assert ended, "no rollout came to an end"
    for rollout in ended:
        assert rollout["outcome"] in ("promoted", "rolled_back", "superseded")
    promoted = [one for one in ended if one["outcome"] == "promoted"]
    for rollout in promoted:
        evidence = rollout["evidence"]
        assert evidence["lower"] < evidence["upper"] < evidence["margin"]
        assert evidence["n_challenger"] > 0
    assert (summary["champion_before"] != summary["champion_after"]) == bool(promoted)


def test_the_summary_says_what_the_ledger_says(told: Any):
    summary = told.summary
    tally = told.ask("decision", "count", "delay-board")
    assert (tally["decisions"], tally["labelled"]) == (
        summary["decisions"],
        summary["labels_joined"],
    )
    rollouts = {one["name"]: one["status"]["outcome"] for one in told.ask("rollout", "list")}
    assert rollouts == {one["name"]: one["outcome"] for one in summary["rollouts"]}
    arms = told.ask("release", "traffic")["services"]["delay-board"]["arms"]
    assert [one["model"] for one in arms if one["arm"] == "champion"] == [summary["champion_after"]]
    runs = told.ask("runs", "--kind", "pipeline", "--limit", 1000)
    assert len(runs) >= summary["runs"]["pipeline"]
    made_by = {one["tags"].get("model") for one in runs if one["status"] == "finished"}
    assert {summary["champion_before"], summary["champion_after"]} <= made_by


def test_a_decision_is_traced_to_model_run_code_parameters_and_every_data_set(told: Any):
    trace = told.summary["trace"]
    tree = told.ask("trace", trace["decision"])
    facts = {node["ref"]: node["facts"] for node in nodes(tree["root"])}
    assert facts.keys() >= set(trace["chain"])
    kinds = Counter(ref.partition(":")[0] for ref in trace["chain"])
    # Features too, where the join found the view laid out already.
    assert kinds.keys() - {"features"} == {
        *("decision", "release", "model", "run"),
        *("code", "parameters", "environment", "dataset"),
    }
    assert kinds["model"] == kinds["code"] == 1
    assert kinds["dataset"] == 3
    by_kind = {ref.partition(":")[0]: (ref, said) for ref, said in facts.items()}
    assert "@" in by_kind["model"][0]
    assert len(by_kind["code"][1]["digest"]) == 64
    parameters = [said for ref, said in facts.items() if ref.startswith("parameters:")]
    assert {"window": "26 weeks", "holdout": "7d"} in parameters
    datasets = {ref for ref in facts if ref.startswith("dataset:")}
    assert {ref.partition("@")[0] for ref in datasets} == {
        "dataset:flights",
        "dataset:weather",
        "dataset:planes",
    }


def test_every_data_set_of_a_trace_can_be_read(
    told: Any, feed: Feed, withdrawn: str, tmp_path: Path, run: Any
):
    given = {"flights": feed.flights, "weather": feed.weather, "planes": feed.planes}
    for ref in told.summary["trace"]["chain"]:
        kind, _, name = ref.partition(":")
        if kind != "dataset":
            continue
        file = tmp_path / f"{name}.parquet"
        done = run("dataset", "show", name, "--to", file, "--home", told.home)
        assert done.returncode == 0, done.stderr
        expected = as_of(given[name.partition("@")[0]], pl.read_parquet(file), withdrawn)
        key = expected.columns[0]
        rows = pl.read_parquet(file).select(expected.columns).sort(key)
        assert rows.equals(expected.sort(key)), f"{ref} holds other rows than the year did"


def as_of(given: pl.DataFrame, rows: pl.DataFrame, withdrawn: str) -> pl.DataFrame:
    """Return the rows of the year that had happened by a version, without the withdrawn's."""
    for time in ("landed", "observed"):
        if time in rows.columns:
            given = given.filter(pl.col(time) <= rows[time].max())
    return given if "tailnum" not in given.columns else given.filter(pl.col("tailnum") != withdrawn)


def test_the_erasure_is_certified(told: Any, withdrawn: str, run: Any, tmp_path: Path):
    erasure = told.summary["erasure"]
    assert erasure["phase"] == "certified"
    assert erasure["versions_touched"] > 0
    assert erasure["rows_removed"] > 0
    assert erasure["decisions_removed"] > 0
    assert erasure["residue"] == 0
    assert erasure["models_replaced"]
    assert erasure["models_deleted"] > 0
    certificate = Path(erasure["certificate"])
    assert certificate.is_relative_to(told.home)
    assert withdrawn not in certificate.read_text()
    json.loads(certificate.read_text())
    key = tmp_path / "key.pem"
    key.write_text(run("audit", "key", "--home", told.home).stdout)
    checked = run("audit", "verify", certificate, "--public-key", key)
    assert checked.returncode == 0, checked.stderr


def test_the_same_command_again_uses_what_is_there_and_says_so(told: Any, retold: Any):
    reused = retold.summary["reused"]
    assert reused["train"]["steps"] > 0
    assert reused["train"]["cached"] == reused["train"]["steps"]
    assert reused["decisions"] == told.summary["decisions"]
    for unchanged in (
        "dataset_versions",
        "decisions",
        "labels_joined",
        "alerts",
        "retrainings",
        "rollouts",
        "champion_before",
        "champion_after",
        "erasure",
    ):
        assert retold.summary[unchanged] == told.summary[unchanged], unchanged
    assert set(told.summary["trace"]["chain"]) <= set(retold.summary["trace"]["chain"])
    assert retold.summary["seconds"] < told.summary["seconds"]


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(one for child in node["children"] for one in nodes(child))]
