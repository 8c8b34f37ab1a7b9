"""What a model was fine-tuned from is forgotten with it, and what was fine-tuned from what goes, goes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from towpath.core.errors import Conflict
from towpath.core.refs import Ref
from towpath.trace.erasure.derived import derived_from

SUBJECT = "N14228"
CLEAN = {"flights": 1}  # a version that never held the subject
PARENT = Ref("model", "late", 3)


@pytest.fixture
def family(home: Any) -> Any:
    """A child that saw only rows of others, live, of a parent that saw the subject's."""
    child = home.train(pins={**CLEAN, "model:late": 3})
    assert (str(child.ref), child.body["parent"]) == ("model:late@4", str(PARENT))
    follow(home, child.ref)
    return home


def follow(home: Any, champion: Ref) -> None:
    """Let the service go over to a model."""
    loop, deadline = home.loop(), time.monotonic() + 60
    while home.champion() != champion:
        assert time.monotonic() < deadline
        loop.step()


def test_a_child_goes_with_its_parent_although_its_own_rows_may_stay(family: Any) -> None:
    plan = family.erasures.plan("tailnum", SUBJECT)
    assert {model.ref for model in plan.models} == {"model:late@2", "model:late@3", "model:late@4"}
    assert [model.ref for model in plan.models if model.live] == ["model:late@4"]
    assert plan.retrainings == 2, "its parent too, for it to go on from"


def test_the_parent_is_trained_again_first_and_the_child_goes_on_from_that(family: Any) -> None:
    done = family.work(family.erasures.submit("tailnum", SUBJECT))
    assert done.phase == "certified"
    base, child = family.trained
    assert (base["pipeline"], child["pipeline"]) == ("train", "tune")
    assert child["pins"] == {"flights": 1, "model:late": 5, "model:late@3": 5}
    assert done.replacements == {"model:late@4": "model:late@6"}
    with family.ledger.read() as tx:
        assert tx.versions.get(Ref("model", "late", 6)).body["parent"] == "model:late@5"
    assert {family.state(f"late@{number}") for number in (2, 3, 4)} == {"deleted"}
    assert family.state("late@6") == "approved"
    follow(family, Ref("model", "late", 6))


def test_a_new_parent_that_would_not_serve_is_good_enough_to_go_on_from(family: Any) -> None:
    family.refused = {"train"}
    done = family.work(family.erasures.submit("tailnum", SUBJECT))
    assert done.phase == "certified"
    assert family.state("late@5") == "rejected"
    follow(family, Ref("model", "late", 6))


def test_a_child_that_its_gates_refuse_blocks_the_erasure(family: Any) -> None:
    family.refused = {"tune"}
    blocked = family.work(family.erasures.submit("tailnum", SUBJECT))
    assert blocked.phase == "blocked"
    assert "model:late@4" in blocked.reason
    family.refused = set()
    family.erasures.retry(blocked.id)
    done = family.work(blocked.id, until=lambda one: one.done)
    assert done.phase == "certified"
    assert [one["pipeline"] for one in family.trained] == ["train", "tune", "tune"]


def test_whoever_was_weighed_against_a_model_does_not_descend_from_it(home: Any) -> None:
    with home.ledger.write() as tx:
        run = tx.runs.start(kind="monitor", name="drift", project="flights")
        tx.graph.link(run.ref, "used", PARENT)
        tx.graph.link(Ref("artifact", "ab" * 32), "made", run.ref)
        derived = derived_from(tx, [Ref("dataset", "flights", 3)])
    assert "ab" * 32 not in derived.artefacts


def test_a_tuning_that_began_after_the_rows_were_gone_is_reached_all_the_same(home: Any) -> None:
    """It was planned a moment before its parent was condemned, and runs a moment after."""
    child = home.train(pins={**CLEAN, "model:late": 3})
    with home.ledger.read() as tx:
        before = tx.runs.get(child.body["run"]).started_at
        derived = derived_from(tx, [Ref("dataset", "flights", 3)], before=before)
        late = derived_from(tx, [Ref("dataset", "flights", 3)])
    assert child.ref in derived.models
    assert child.digest in derived.artefacts
    assert set(derived.models) <= set(late.models)


def test_nothing_is_registered_as_the_child_of_a_condemned_model(home: Any) -> None:
    with home.ledger.write() as tx:
        tx.versions.set_state(PARENT, "condemned", reason="an erasure")
    with pytest.raises(Conflict, match="was condemned meanwhile"):
        home.train(pins={**CLEAN, "model:late": 3})
