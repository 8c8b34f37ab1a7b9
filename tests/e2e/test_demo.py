"""`towpath demo` tells what the issue of the whole loop asks for, and all of it is really there."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.assets.features import join_view
from towpath.demo.story import PROJECT
from towpath.operate.projects import load_project

if TYPE_CHECKING:
    from towpath.demo.feed import Feed

MOST_WIND = 200
MONITORED = ("drift", "performance", "estimated_performance", "slices", "data_quality")
PROGRAM = "board-screens@1.0.0"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_summary_has_what_a_machine_needs(told: Any):
    summary = told.summary
    assert set(summary["dataset_versions"]) == {
        "flights",
        "weather",
        "weather.quarantine",
        "planes",
    }
    assert summary["dataset_versions"]["flights"] > 3
    assert summary["runs"]["pipeline"] >= 3
    assert summary["runs"]["step"] >= summary["runs"]["pipeline"]
    assert summary["decisions"] > 1000
    assert 0.9 * summary["decisions"] < summary["labels_joined"] <= summary["decisions"]
    assert summary["seconds"] > 0
    assert summary["reused"] == {"decisions": 0}


def test_rows_that_cannot_be_are_set_aside(told: Any, feed: Feed):
    assert told.summary["set_aside"] == {"weather": 1}
    (row,) = told.ask("dataset", "show", "weather.quarantine", "--rows", 10)["rows"]
    (windy,) = feed.weather.filter(pl.col("wind_speed") > MOST_WIND).rows(named=True)
    assert row["observation_id"] == windy["observation_id"]


def test_a_search_chose_and_was_paid_for(told: Any):
    first = told.summary["searches"][0]
    ended = sum(first.get(state, 0) for state in ("done", "pruned", "failed", "stopped"))
    assert ended == first["wanted"] > 1
    assert first["done"] >= 1
    assert first.get("failed", 0) == 0
    (budget,) = [
        one for one in told.ask("budget", "show")["budgets"] if one["name"] == "project/flights"
    ]
    assert told.summary["budget_warnings"], "nobody was told of spending"
    assert 0 <= budget["spent_micros"] < budget["cap_micros"]


def test_each_month_was_reviewed(told: Any):
    reviews = told.summary["reviews"]
    assert reviews
    assert set(reviews) == {"done"}


def test_what_was_looked_up_is_what_a_training_would_have_joined(told: Any, feed: Feed):
    project = load_project(PROJECT, "flights:project")
    views = {view.name: view for view in project.all_views()}
    decided = read_log(told)
    rows = feed.flights.join(decided.select(flight_id="key"), on="flight_id", how="semi")
    assert rows.height == decided.height
    weather = feed.weather.filter(~(pl.col("wind_speed") > MOST_WIND).fill_null(value=False))
    rows = join_view(rows, views["weather"], weather, time="posted")
    rows = join_view(rows, views["fleet"], feed.planes, time="posted")
    features = [*views["weather"].features, *views["fleet"].features]
    logged = decided.select(
        pl.col("key").alias("flight_id"),
        *(pl.col(f"input.{name}").alias(name) for name in features),
    ).sort("flight_id")
    joined = rows.select("flight_id", *features).sort("flight_id")
    assert joined.null_count().row(0) == logged.null_count().row(0)
    assert joined["temp"].is_not_null().mean() > 0.9
    for name in features:
        assert joined[name].cast(pl.Float64).equals(logged[name].cast(pl.Float64)), name


def test_the_loop_turned_by_itself(told: Any):
    summary = told.summary
    assert summary["alerts"], "no alarm fired"
    for alert in summary["alerts"]:
        assert alert["kind"] in MONITORED
        assert alert["features"]
    drift = next(one for one in summary["alerts"] if one["kind"] == "drift")
    assert set(drift["features"]) & inputs_of(told)
    assert any("USD" in (alert["cost"] or "") for alert in summary["alerts"])
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
        assert evidence["pairs"] > 0
        assert evidence["answers_challenger"] > 0
    assert (summary["champion_before"] != summary["champion_after"]) == bool(promoted)


def test_the_first_challenger_is_shown_to_nobody_and_the_next_to_some(told: Any):
    strategies = [one["strategy"] for one in told.summary["rollouts"]]
    assert strategies[0] == "shadow"
    assert set(strategies[1:]) == {"canary"}
    answered = read_log(told)
    by_rollout = {
        name: set(answered.filter(pl.col("rollout") == name)["arm"])
        for name in answered["rollout"].drop_nulls().unique()
    }
    for rollout in told.summary["rollouts"]:
        tried = {"champion", "challenger"} if rollout["strategy"] == "canary" else {"champion"}
        assert by_rollout[rollout["name"]] == tried


def test_the_program_is_in_the_release_that_answers_it(told: Any):
    assert told.summary["in_step"]["programs"] == [PROGRAM]
    assert set(read_log(told)["service_version"]) == {PROGRAM}
    (version,) = told.ask("service", "versions")
    assert version["service_version"] == PROGRAM


def test_one_answer_is_explained_by_every_input(told: Any):
    explained = told.summary["explained"]
    assert explained["added"].keys() == inputs_of(told)
    assert all(abs(one) < 10 for one in explained["added"].values())  # log-odds
    assert any(explained["added"].values())


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
    assert kinds.keys() == {
        *("decision", "release", "model", "run"),
        *("code", "parameters", "environment", "dataset", "source"),
        *("feature_service", "features"),
    }
    assert kinds["model"] == kinds["code"] == 1
    assert kinds["dataset"] == 3
    by_kind = {ref.partition(":")[0]: (ref, said) for ref, said in facts.items()}
    assert "@" in by_kind["model"][0]
    assert len(by_kind["code"][1]["digest"]) == 64
    parameters = [said for ref, said in facts.items() if ref.startswith("parameters:")]
    assert {"window": "26 weeks", "holdout": "7d", "trials": "3"} in parameters
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


def read_log(told: Any) -> pl.DataFrame:
    settings = {"home": str(told.home), "replay": True}
    with open_home(resolve_place(Path(told.home), flags=settings, environ={})) as home:
        return home.decisions.scan("delay-board").collect()


def inputs_of(told: Any) -> set[str]:
    signature = told.ask("model", "show", "late@1")["body"]["signature"]
    return {one["name"] for one in signature["inputs"]}


def as_of(given: pl.DataFrame, rows: pl.DataFrame, withdrawn: str) -> pl.DataFrame:
    """Return the rows of the year that were kept by a version, without the withdrawn's."""
    if "wind_speed" in given.columns:
        given = given.filter(~(pl.col("wind_speed") > MOST_WIND).fill_null(value=False))
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
    # The erasure trained with the champion's setting alone. Asked once more, its pipeline searches: what is
    # computed is the search itself and the two settings that the erasure had no need of.
    assert reused["train"] == {"steps": 8, "cached": 5}
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


def test_in_words_it_says_where_it_is_and_keeps_nothing_that_nobody_asked_it_to(
    program: Path, tmp_path: Path
):
    homeless = {name: value for name, value in os.environ.items() if name[:8] != "TOWPATH_"}
    done = subprocess.run(
        [program, "demo", "--fast", "--days", "1"],
        env={**homeless, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout, "that is for machines"
    for said in ("Towpath is up", "serves delay-board", "decisions", "towpath demo --keep DIR"):
        assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(one for child in node["children"] for one in nodes(child))]
