"""A project's label queues hang together with its services and data sets."""

from __future__ import annotations

from typing import Any

import pytest

import towpath as tp
from towpath.core.errors import InvalidProject


class Row(tp.Schema):
    row_id: str


def project(queue: dict[str, Any], **changes: Any) -> tp.Project:
    given = {"service": "board", "labels": ["no", "yes"], "subject": "tailnum", **queue}
    return tp.Project(
        "flights",
        owner="ops@example.org",
        services=[tp.Service("board", model="late", subject="tailnum")],
        labelling=[tp.LabelQueue("review", **given)],
        **changes,
    )


def test_a_queue_brings_its_two_data_sets() -> None:
    declared = project({})
    assert [one.name for one in declared.all_datasets()] == ["review", "review.judgements"]
    assert declared.declaration()["labelling"]["review"]["service"] == "board"
    assert declared.dataset("review") == declared.labelling[0].dataset


def test_a_pipeline_may_name_the_labelled_set_as_its_own() -> None:
    labelled = project({}).labelling[0].dataset
    assert project({}, datasets=[labelled]).dataset("review") == labelled


@pytest.mark.parametrize(
    ("queue", "changes", "why"),
    [
        ({"service": "bored"}, {}, "Did you mean 'board'"),
        ({"subject": None}, {}, "subject='tailnum'"),
        ({"subject": "carrier"}, {}, "subject='tailnum'"),
        ({}, {"datasets": [tp.Dataset("review", schema=Row, key="row_id")]}, "another name"),
    ],
)
def test_what_does_not_hang_together_is_refused(
    queue: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidProject) as refused:
        project(queue, **changes)
    assert why in str(refused.value)


def test_two_queues_of_one_name_are_refused() -> None:
    one = project({}).labelling[0]
    with pytest.raises(InvalidProject, match="'review' twice"):
        tp.Project(
            "flights",
            owner="ops@example.org",
            services=[tp.Service("board", model="late", subject="tailnum")],
            labelling=[one, one],
        )
