"""A queue that could never be worked off is refused where it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from towpath.assets.datasets import Personal, Range, Schema
from towpath.core.errors import InvalidName, InvalidProject
from towpath.ledger.records import Intent
from towpath.operate.labelling import LabelQueue
from towpath.operate.labelling.spec import QueueSpec


class Bounded(Schema):
    age: Annotated[int, Range(0, 120), Personal()]


class Asked(Schema):
    distance: int
    carrier: str


def declared(**changes: Any) -> LabelQueue:
    return LabelQueue("review", **{"service": "board", "labels": ["no", "yes"], **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"labels": ["one"]}, "labels"),
        ({"labels": ["a", "a"]}, "labels"),
        ({"labels": ["a", " "]}, "empty"),
        ({"labels": {"a": 0, "b": float("nan")}}, "finite"),
        ({"labels": "yes"}, "one text"),
        ({"show": "distance"}, "one text"),
        ({"annotators": 0}, "annotators"),
        ({"agreement": "some"}, "agreement"),
        ({"per_day": 0}, "per_day"),
        ({"backlog": 0}, "backlog"),
        ({"sample": "late > 1"}, "sample"),
        ({"keep": type("K", (Schema,), {"__annotations__": {"label": str}})}, "label"),
        ({"keep": type("K", (Schema,), {"__annotations__": {"raw": bytes}})}, "raw"),
    ],
)
def test_what_can_not_be_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidProject, match=why):
        declared(**changes)


@pytest.mark.parametrize(
    "changes", [{"lease": "soon"}, {"maturity": "0s"}, {"adjudicators": ["Ann O'Nym"]}]
)
def test_what_does_not_parse_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidName):
        declared(**changes)


def test_labels_stand_for_numbers_in_their_order_or_as_given() -> None:
    assert declared().values == {"no": 0.0, "yes": 1.0}
    assert declared(labels={"low": 1, "high": 10}).values == {"low": 1.0, "high": 10.0}


def test_the_labelled_set_is_keyed_by_decision_and_about_the_service_s_subject() -> None:
    queue = declared(subject="tailnum", keep=Asked)
    dataset = queue.dataset
    assert (dataset.name, dataset.key_columns, dataset.time) == ("review", ("decision_id",), "at")
    assert (dataset.subject, dataset.subject_field) == ("subject", "tailnum")
    assert dataset.subject_hashed
    kept = {column.name: column for column in dataset.columns}
    assert kept["distance"].type == "int64"
    assert kept["distance"].nullable
    assert queue.judgements.key_columns == ("decision_id", "annotator")
    assert queue.judgements.name == "review.judgements"
    assert declared().dataset.subject is None


def test_what_people_wrote_and_who_they_are_is_personal() -> None:
    marked = {column.name for column in declared(subject="t").judgements.columns if column.personal}
    assert marked == {"annotator", "comment", "subject"}


def test_bounds_of_a_kept_input_are_left_behind_and_marks_are_not() -> None:
    queue = declared(keep=Bounded)
    age = next(column for column in queue.dataset.columns if column.name == "age")
    assert (age.range, age.personal) == (None, True)


def test_the_intent_holds_all_that_the_reconciler_needs() -> None:
    queue = declared(subject="tailnum", keep=Asked, show=["distance"], adjudicators=["ann"])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    spec = {**queue.spec.to_json(), "project": "p", "environment": "production"}
    row = Intent(
        kind="label_queue",
        name="review",
        project="p",
        spec=spec,
        generation=1,
        phase="new",
        status={},
        due_at=None,
        owner=None,
        fence=1,
        created_at=now,
        updated_at=now,
    )
    read = QueueSpec.of(row)
    assert read.dataset == queue.dataset
    assert read.judgements == queue.judgements
    assert read.to_json() == queue.spec.to_json()
