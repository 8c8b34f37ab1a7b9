"""Recorded decisions are answered again, bit for bit, or it is said why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from towpath.core.errors import IntegrityError, NotFound
from towpath.core.refs import Ref
from towpath.ledger import rotate_key
from towpath.operate.decisions import DecisionFilter
from towpath.trace.explaining.bits import compare_fields, ulps_between


@pytest.fixture
def model(lender: Any, rows: Any, booster: Any) -> Ref:
    lender.serve()
    return lender.register(booster, rows)


def test_every_row_of_a_request_replays_to_the_bits_that_were_recorded(
    lender: Any, rows: Any, model: Ref
) -> None:
    made = lender.decide(model, rows[:7])
    for decision_id in made:
        found = lender.replayer.replay(decision_id, actor="ada")
        assert found.verdict == "equal"
        assert [one.ulps for one in found.fields] == [0]
        assert found.form is not None
        assert found.form.startswith("native (lightgbm")
        assert found.environment is not None
        assert found.environment.same
    with lender.ledger.read() as tx:
        events = tx.events.read(types=["decision.replayed"])
    assert [one.subject for one in events] == [f"decision:{one}" for one in made]
    assert {one.actor for one in events} == {"ada"}


def test_a_compiled_model_replays_in_its_compiled_form(lender: Any, rows: Any) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    estimator = HistGradientBoostingClassifier(max_iter=6)
    estimator.only_numbers = True
    lender.serve()
    (made,) = lender.decide(lender.register(estimator, rows, compiled=True), rows[:1])
    found = lender.replayer.replay(made, actor="ada")
    assert (found.verdict, found.form and found.form[:8]) == ("equal", "compiled")


def test_what_a_former_key_signed_is_replayed_and_explained(
    lender: Any, rows: Any, model: Ref
) -> None:
    (made,) = lender.decide(model, rows[:1])
    rotate_key(lender.ledger, lender.keyring, actor="ada")
    assert lender.replayer.replay(made, actor="ada").verdict == "equal"
    assert lender.explainer.explain(made, actor="ada", near=0).model == str(model)


def test_a_difference_of_one_bit_is_told_in_units_of_the_last_place(
    lender: Any, rows: Any, model: Ref
) -> None:
    (first,) = lender.decide(model, rows[:1])
    answer = lender.decisions.find(first).outputs["granted"]
    other = float(np.nextafter(answer, 1.0))
    (moved,) = lender.decide(model, rows[:1], outputs={"granted": other})
    found = lender.replayer.replay(moved, actor="ada")
    assert found.verdict == "different"
    assert found.first_difference is not None
    assert (found.first_difference.name, found.first_difference.ulps) == ("granted", 1)
    assert (found.first_difference.recorded, found.first_difference.replayed) == (other, answer)


def test_rows_whose_bits_hang_on_their_request_are_asked_with_it(
    lender: Any, rows: Any, model: Ref, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A matrix product may round by the batch; here one that certainly does stands in for it."""
    from towpath.trace.explaining import replaying

    made = lender.decide(model, rows[:3], outputs={"granted": 3.0})
    opened = replaying._Opened.of

    def of_batch_size(self: Any, recorded: Any) -> Any:
        package, predictor = opened(self, recorded)

        class ByBatch:
            signature = predictor.signature

            def predict(self, columns: Any) -> Any:
                count = len(next(iter(columns.values())))
                return {"granted": np.full(count, float(count))}

        return package, ByBatch()

    monkeypatch.setattr(replaying._Opened, "of", of_batch_size)
    found = lender.replayer.replay(made[1], actor="ada")
    assert (found.verdict, found.asked) == ("equal", "with its request")


@pytest.mark.parametrize("how", ["drop", "hash"])
def test_redacted_inputs_are_said_to_be_lost(lender: Any, rows: Any, model: Ref, how: str) -> None:
    lender.serve(redact={"income": how})
    (made,) = lender.decide(model, rows[:1], inputs={"amount": 1.0})
    found = lender.replayer.replay(made, actor="ada")
    assert (found.verdict, found.why) == ("impossible", "redacted")
    assert "income" in found.reason


def test_a_retired_model_replays_and_a_deleted_one_can_not(
    lender: Any, rows: Any, model: Ref
) -> None:
    from towpath.assets.models import ModelRegistry

    (made,) = lender.decide(model, rows[:1])
    with lender.ledger.write() as tx:
        tx.versions.set_state(model, "retired", reason="replaced")
    assert lender.replayer.replay(made, actor="ada").verdict == "equal"
    ModelRegistry(lender.ledger, lender.blobs, lender.keyring).delete_bytes(model)
    found = lender.replayer.replay(made, actor="ada")
    assert (found.verdict, found.why) == ("impossible", "model-deleted")


def test_an_erased_or_unknown_decision_is_not_found(lender: Any, rows: Any, model: Ref) -> None:
    (made,) = lender.decide(model, rows[:1])
    lender.writer.close()
    lender.decisions.erase_subjects([lender.keyring.subject_hash("applicant", "P0000")])
    with pytest.raises(NotFound, match="withdrawn are erased"):
        lender.replayer.replay(made, actor="ada")


def test_a_model_that_was_tampered_with_is_not_asked(lender: Any, rows: Any, model: Ref) -> None:
    (made,) = lender.decide(model, rows[:1])
    other = type(lender.keyring)(lender.folder / "other-keys")
    lender.keyring = other
    with pytest.raises(IntegrityError, match="signature"):
        lender.replayer.replay(made, actor="ada")


def test_many_are_replayed_in_one_go_and_a_sample_is_the_same_each_time(
    lender: Any, rows: Any, model: Ref
) -> None:
    lender.decide(model, rows[:20])
    lender.decide(model, rows[20:22], outputs={"granted": 0.123})
    lender.decide(model, rows[22:23], status="error", error="it failed", outputs={})
    found = lender.replayer.replay_many("lending", actor="ada")
    assert (found.replayed, found.equal) == (22, 20)
    assert found.impossible == {"failed-then": 1}
    assert found.share_equal == pytest.approx(20 / 22)
    assert len(found.different) == 2
    some = lender.replayer.replay_many("lending", actor="ada", sample=5)
    again = lender.replayer.replay_many("lending", actor="ada", sample=5)
    assert some == again
    assert some.replayed + sum(some.impossible.values()) == 5
    assert lender.decisions.count("lending", where=DecisionFilter(status="ok")) == 22


def test_another_environment_is_named_library_by_library(
    lender: Any, rows: Any, model: Ref
) -> None:
    from towpath.trace.explaining.environments import compare_environments

    with lender.ledger.read() as tx:
        version = tx.versions.get(model)
    lock = lender.blobs.put(b"# cpython 3.11.2\n# linux x86_64\nlightgbm==3.0.0\ngone==1.0\n")
    version.body["lock"] = lock
    found = compare_environments(version, lender.blobs)
    assert not found.same
    named = {one.name: (one.then, one.now) for one in found.changed}
    assert named["lightgbm"][0] == "3.0.0"
    assert named["gone"] == ("1.0", None)
    assert "lightgbm" in [one.name for one in found.changed][:4]


@pytest.mark.parametrize(
    ("left", "right", "apart"),
    [
        (1.0, 1.0, 0),
        (1.0, float(np.nextafter(1.0, 2.0)), 1),
        (0.0, -0.0, 1),
        (5e-324, -5e-324, 3),
        (1.0, float("nan"), None),
    ],
)
def test_units_in_the_last_place(left: float, right: float, apart: int | None) -> None:
    assert ulps_between(left, right) == apart
    assert ulps_between(right, left) == apart


def test_zeros_of_other_signs_and_missing_outputs_are_not_equal() -> None:
    zero, gone = compare_fields({"a": 0.0, "b": 1.0}, {"a": -0.0})
    assert (zero.equal, zero.ulps) == (False, 1)
    assert (gone.equal, gone.ulps, gone.replayed) == (False, None, None)
