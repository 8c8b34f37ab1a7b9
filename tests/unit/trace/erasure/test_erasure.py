"""A withdrawal from its plan to its certificate, over the real stores."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.ledger.owners import this_owner
from towpath.trace.erasure import verify_certificate

SUBJECT = "N14228"
AUDIT = Path(__file__).parents[4] / "scripts" / "find_residue.py"


def audit(folder: Path) -> dict[str, list[str]]:
    """Search the folder with a program that shares no code with Towpath."""
    command = [sys.executable, str(AUDIT), str(folder), SUBJECT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)["residue"]


def test_the_plan_says_what_would_happen_and_changes_nothing(home):
    before = [version.digest for version in home.datasets.versions("flights")]
    plan = home.erasures.plan("tailnum", SUBJECT)
    assert [data.ref for data in plan.datasets] == ["dataset:flights@2", "dataset:flights@3"]
    assert [data.rows for data in plan.datasets] == [1, 2]
    assert plan.rows == 2  # each row counts once, in however many versions
    assert (plan.decisions, plan.labels) == (3, 3)
    assert [model.ref for model in plan.models] == ["model:late@3", "model:late@2"]
    assert plan.models[0].live == ("delay-board",)
    assert plan.retrainings == 1
    assert len(plan.artefacts) == 2
    assert plan.executions == 2
    assert plan.releases == ("release:prod@1",)
    assert [version.digest for version in home.datasets.versions("flights")] == before
    assert home.erasures.list() == []


def test_a_field_nobody_declares_is_refused(home):
    with pytest.raises(NotFound, match="Did you mean 'tailnum'"):
        home.erasures.plan("tailnumb", SUBJECT)
    with pytest.raises(NotFound):
        home.erasures.submit("tailnumb", SUBJECT)


def test_submitting_suppresses_at_once_and_once(home):
    first = home.erasures.submit("tailnum", SUBJECT)
    assert home.erasures.submit("tailnum", SUBJECT) == first
    hashed = home.keyring.subject_hash("tailnum", SUBJECT)
    with home.ledger.read() as tx:
        assert tx.withdrawals.subjects() == {hashed}
        events = tx.events.read(limit=10_000)
    assert SUBJECT not in json.dumps([event.payload for event in events])
    assert [one.id for one in home.erasures.list()] == [first]


def test_an_erasure_leaves_nothing_and_proves_it(home):
    assert audit(home.path), "the audit must be able to see the subject before"
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    found = home.work(erasure_id)
    assert found.phase == "certified", found.reason
    assert audit(home.path) == {}

    totals = found.totals
    assert (totals["versions"], totals["rows"], totals["residue"]) == (2, 2, 0)
    assert (totals["decisions"], totals["labels"], totals["models"]) == (3, 3, 2)
    assert found.replacements == {"model:late@3": "model:late@4"}
    assert home.champion() == Ref("model", "late", 4)
    states = [home.state(f"model:late@{number}") for number in (1, 2, 3, 4)]
    assert states == ["approved", "deleted", "deleted", "approved"]
    assert [step["phase"] for step in found.steps] == [
        "suppressed",
        "acknowledged",
        "redacted",
        "purged",
        "retraining",
        "rolling_out",
        "retired",
        "verified",
        "certified",
    ]
    for number, count in ((1, 24), (2, 48), (3, 72)):
        frame = home.datasets.scan(Ref("dataset", "flights", number))
        assert frame.select(pl.len()).collect().item() == count
    assert home.decisions.count() == 1


def test_the_retraining_repeats_the_recipe_on_the_same_versions(home):
    home.work(home.erasures.submit("tailnum", SUBJECT))
    (recipe,) = home.trained
    assert recipe["pins"] == {"flights": 3}
    assert recipe["params"] == {"window": "8 weeks"}
    assert (recipe["pipeline"], recipe["code"]) == ("train", "code:flights@1")
    assert recipe["reason"].startswith("erasure:")


def test_the_certificate_is_checked_offline(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    with pytest.raises(NotFound, match="no certificate yet"):
        home.erasures.certificate(erasure_id)
    home.work(erasure_id)
    certificate = home.erasures.certificate(erasure_id)
    assert (home.path / "certificates" / f"{erasure_id}.json").read_bytes() == certificate
    check = verify_certificate(certificate, home.keyring.public_key_pem)
    assert check.valid, check.problems
    assert check.events > 8
    document = json.loads(certificate)
    assert SUBJECT not in certificate.decode()
    assert document["subject"] == home.keyring.subject_hash("tailnum", SUBJECT)
    assert [v["ref"] for v in document["datasets"][0]["versions"]] == [
        "dataset:flights@2",
        "dataset:flights@3",
    ]
    replaced = {one["model"]: one["replacement"] for one in document["models"]}
    assert replaced == {"model:late@2": None, "model:late@3": "model:late@4"}
    (rollout,) = document["models"][1]["rollouts"].values()
    assert rollout["outcome"] == "promoted"


def test_the_subject_can_not_be_unsealed_afterwards(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id)
    with pytest.raises(NotFound):
        home.keyring.unseal(erasure_id, b"anything")


def test_a_second_withdrawal_finds_nothing_and_says_so(home):
    first = home.work(home.erasures.submit("tailnum", SUBJECT))
    again = home.erasures.submit("tailnum", SUBJECT)
    assert again != first.id
    second = home.work(again)
    assert second.done
    assert (second.totals["rows"], second.totals["versions"], second.totals["models"]) == (0, 0, 0)
    check = verify_certificate(home.erasures.certificate(again), home.keyring.public_key_pem)
    assert check.valid, check.problems


def test_refused_gates_block_and_a_retry_asks_again(home):
    home.verdict = "fail"
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    found = home.work(erasure_id)
    assert (found.phase, found.blocked_in) == ("blocked", "retraining")
    assert "refused model:late@4" in found.reason
    assert home.champion() == Ref("model", "late", 3), "the old model serves until it is replaced"
    home.verdict = "pass"
    home.erasures.retry(erasure_id)
    found = home.work(erasure_id, until=lambda one: one.done)
    assert found.replacements == {"model:late@3": "model:late@5"}
    assert len(home.trained) == 2


def train_on_clean_rows(home):
    """Make a newer approved model while an erasure is under way."""
    return home.train(pins={"flights": 3}, reason="trigger")


def test_a_newer_model_that_is_coming_anyway_saves_the_retraining(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: one.phase == "redacted", only=("erasure",))
    newer = train_on_clean_rows(home)
    found = home.work(erasure_id)
    assert found.done, found.reason
    assert found.replacements == {"model:late@3": str(newer.ref)}
    assert home.trained == []
    assert home.champion() == newer.ref


def test_a_retraining_that_has_not_begun_gives_way_to_a_newer_model(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: one.phase == "retraining", only=("erasure",))
    with home.ledger.read() as tx:
        (asked,) = tx.intents.list("pipeline_run")
    assert asked.priority > 0, "it has a deadline: it goes before other runs"
    newer = train_on_clean_rows(home)
    home.work(erasure_id, until=lambda one: one.phase == "rolling_out", only=("erasure",))
    found = home.work(erasure_id)
    assert found.replacements == {"model:late@3": str(newer.ref)}
    assert home.trained == []


def test_a_newer_model_that_loses_its_trial_is_no_replacement(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: one.phase == "redacted", only=("erasure",))
    train_on_clean_rows(home)
    home.outcomes = ["rolled_back", "promoted"]
    found = home.work(erasure_id)
    assert found.done, found.reason
    assert found.replacements == {"model:late@3": "model:late@5"}
    assert len(home.trained) == 1


def test_a_replacement_that_loses_its_trial_blocks(home):
    home.outcomes = ["rolled_back", "promoted"]
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    found = home.work(erasure_id)
    assert (found.phase, found.blocked_in) == ("blocked", "rolling_out")
    assert "model:late@4 lost its rollout, so model:late@3 still serves" in found.reason
    train_on_clean_rows(home)  # a person found a better one
    home.erasures.retry(erasure_id)
    assert home.work(erasure_id, until=lambda one: one.done).done


def test_what_the_scan_finds_blocks_the_certificate(home):
    leftover = home.path / "notes.txt"
    leftover.write_text(f"call about {SUBJECT}")
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    found = home.work(erasure_id)
    assert (found.phase, found.blocked_in) == ("blocked", "retired")
    assert "notes.txt" in found.reason
    assert SUBJECT not in found.reason
    leftover.unlink()
    home.erasures.retry(erasure_id)
    assert home.work(erasure_id, until=lambda one: one.done).totals["residue"] == 0


def test_a_result_that_a_killed_step_left_unrecorded_goes_too(home):
    orphan = home.blobs.put(f"what a step wrote about {SUBJECT} before it was killed".encode())
    found = home.work(home.erasures.submit("tailnum", SUBJECT))
    assert (found.phase, found.totals["residue"]) == ("certified", 0)
    assert not home.blobs.exists(orphan)


def test_a_blob_that_something_needs_is_no_orphan(home):
    needed = home.blobs.put(f"somebody wrote {SUBJECT} into a project's code".encode())
    with home.ledger.write() as tx:
        tx.versions.declare("code", "flights", project="flights")
        tx.versions.commit("code", "flights", digest="c" * 64, body={"bundle": needed})
    found = home.work(home.erasures.submit("tailnum", SUBJECT))
    assert (found.phase, found.blocked_in) == ("blocked", "retired")
    assert home.blobs.exists(needed)


def test_it_waits_for_every_living_gateway(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    with home.ledger.write() as tx:
        needed = tx.withdrawals.position()
        for name, generation in (("one", needed), ("two", needed - 1)):
            tx.intents.put(
                "gateway",
                name,
                project="towpath",
                spec={},
                status={"suppression_generation": generation},
                due=False,
            )
        tx.intents.put(
            "gateway",
            "dead",
            project="towpath",
            spec={},
            status={"suppression_generation": 0, "at": "2013-01-01T00:00:00+00:00"},
            due=False,
        )
    loop = home.loop()
    for _ in range(3):
        loop.step()
    assert home.erasures.get(erasure_id).phase == "suppressed"
    with home.ledger.write() as tx:
        tx.intents.report("gateway", "two", status={"suppression_generation": needed})
    home.work(erasure_id, until=lambda one: one.phase == "acknowledged")


def test_it_waits_for_a_gateway_out_of_reach_but_for_none_whose_process_is_gone(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    now = datetime.now(UTC)
    silent = {
        "suppression_generation": 0,
        "at": (now - timedelta(hours=2)).isoformat(),
        "answers_until": (now + timedelta(hours=1)).isoformat(),
    }
    ended = subprocess.Popen([sys.executable, "-c", ""])
    gone = this_owner().rsplit(".", 2)[0] + f".{ended.pid}.1"
    ended.wait()
    with home.ledger.write() as tx:
        for name, spec in (
            ("away", {}),
            ("here", {"owner": this_owner()}),
            ("gone", {"owner": gone}),
        ):
            tx.intents.put("gateway", name, project="towpath", spec=spec, status=silent, due=False)
    loop = home.loop()

    def reports(name, **said):
        with home.ledger.write() as tx:
            tx.intents.report("gateway", name, status=silent | said)
        for _ in range(3):
            loop.step()
        return home.erasures.get(erasure_id).phase

    assert reports("away") == "suppressed"
    assert reports("away", answers_until=(now - timedelta(hours=1)).isoformat()) == "suppressed"
    with home.ledger.write() as tx:
        needed = tx.withdrawals.position()
        tx.intents.report("gateway", "here", status=silent | {"suppression_generation": needed})
    home.work(erasure_id, until=lambda one: one.phase == "acknowledged")


def test_a_model_is_deleted_when_every_living_gateway_has_let_go_of_it(home):
    with home.ledger.write() as tx:
        package = tx.versions.get(Ref("model", "late", 3)).body["package"]
        here = {"owner": this_owner(), "environment": "prod", "address": "127.0.0.1:8100"}
        for name, spec in (("here", here), ("elsewhere", here | {"environment": "other"})):
            status = {"suppression_generation": 1, "route_generation": 1}
            tx.intents.put("gateway", name, project="towpath", spec=spec, status=status, due=False)
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: "127.0.0.1:8100" in one.reason)
    released = home.champion()
    loop = home.loop()

    def reports(route_generation):
        with home.ledger.write() as tx:
            status = {"suppression_generation": 1, "route_generation": route_generation}
            tx.intents.report("gateway", "here", status=status)
            tx.intents.wake("erasure", erasure_id)
        loop.step()
        return home.erasures.get(erasure_id).phase

    with home.ledger.write() as tx:
        row = tx.intents.get("route", "prod")
        tx.intents.put("route", "prod", project="towpath", spec=row.spec | {"known": ["a@1"]})
    assert released == Ref("model", "late", 4)
    assert reports(row.generation - 1) == "rolling_out"
    assert home.state("model:late@3") == "condemned"
    assert home.blobs.exists(package)
    # The route has changed since: the one that named no condemned model first is enough.
    assert reports(row.generation) != "rolling_out"
    found = home.work(erasure_id)
    assert (found.phase, found.reason) == ("certified", "")
    assert home.state("model:late@3") == "deleted"


def test_a_model_made_meanwhile_from_the_old_rows_goes_too(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    with home.ledger.write() as tx:  # it began before the redaction …
        run = tx.runs.start(kind="pipeline", name="train", project="flights")
        tx.graph.link(run.ref, "used", Ref("dataset", "flights", 3))
    home.work(erasure_id, until=lambda one: one.phase == "purged")
    with home.ledger.write() as tx:  # … and registers its model after it
        body = dict(tx.versions.get(Ref("model", "late", 3)).body)
        body |= {"run": run.id, "reference": home.blobs.put(SUBJECT.encode())}
        late = tx.versions.commit(
            "model", "late", digest="d" * 64, body=body, state="rejected", made_by=run.id
        )
    home.work(erasure_id, until=lambda one: one.phase == "rolling_out")
    loop = home.loop()
    for _ in range(10):
        loop.step()
    assert home.erasures.get(erasure_id).phase == "rolling_out", "the run is not over yet"
    with home.ledger.write() as tx:
        tx.runs.finish(run.id, "finished")
    found = home.work(erasure_id)
    assert found.done, found.reason
    assert home.state(str(late.ref)) == "deleted"
    assert audit(home.path) == {}
