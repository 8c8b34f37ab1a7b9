"""Budgets and queues that can't be meant are refused where they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import towpath as tp
from towpath.build.capacity import budget_specs
from towpath.build.capacity.limits import Node, next_start, start_of
from towpath.core.errors import InvalidName, InvalidProject, NotFound
from towpath.ledger import BudgetRow


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"usd_per_day": 1, "usd_per_week": 2}, "caps for more than one period"),
        ({"usd_per_month": -1}, "not an amount of money"),
        ({"warn": [80]}, "warns at"),
        ({"steps": 0}, "lets nothing run: steps=0"),
        ({"step_timeout": "soon"}, "not a duration"),
        ({"step_memory": "much"}, "not a size"),
        ({"share": 0}, "share is 0"),
    ],
)
def test_a_budget_that_can_t_be_meant_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidProject, match=why):
        tp.Budget(**settings)


def test_a_queue_has_a_name_that_fits_into_paths() -> None:
    with pytest.raises(InvalidName):
        tp.Queue("a/b")


def test_queues_alone_imply_a_budget_to_count_in() -> None:
    assert list(budget_specs("flights", None, [])) == []
    assert list(budget_specs("flights", None, [tp.Queue("q")])) == [
        "project/flights",
        "project/flights/queue/q",
    ]


def test_what_is_declared_is_what_is_read_back() -> None:
    queue = tp.Queue(
        "q",
        pipelines=["train"],
        priority=3,
        preemptible=False,
        usd_per_week=2.5,
        warn=[0.9, 0.5],
        cpus=1.5,
        gpus=1,
        steps=2,
        step_timeout="2m",
        step_memory="1 GiB",
    )
    spec = budget_specs("flights", None, [queue])["project/flights/queue/q"]
    node = Node.of(BudgetRow(name="project/flights/queue/q", project="flights", spec=spec))
    assert node == Node(
        path="project/flights/queue/q",
        period="week",
        cap=2_500_000,
        warn=(0.5, 0.9),
        cpus_milli=1500,
        gpus_milli=1000,
        steps=2,
        step_timeout_s=120,
        step_memory_bytes=1 << 30,
        priority=3,
        preemptible=False,
        pipelines=("train",),
    )
    assert node.title == "queue 'q' of project 'flights'"


def test_a_project_refuses_queues_for_pipelines_that_it_does_not_have() -> None:
    @tp.pipeline
    def train() -> None: ...

    settings: dict[str, Any] = {"owner": "me", "pipelines": [train]}
    with pytest.raises(NotFound, match="no pipeline 'trian'"):
        tp.Project("flights", queues=[tp.Queue("q", pipelines=["trian"])], **settings)
    twice = [tp.Queue("q", pipelines=[train]), tp.Queue("r", pipelines=["train"])]
    with pytest.raises(InvalidProject, match="declares the queue for pipeline 'train' twice"):
        tp.Project("flights", queues=twice, **settings)


@pytest.mark.parametrize(
    ("period", "first", "following"),
    [
        ("day", "2026-12-31", "2027-01-01"),
        ("week", "2026-12-28", "2027-01-04"),
        ("month", "2026-12-01", "2027-01-01"),
    ],
)
def test_periods_are_those_of_the_calendar(period: Any, first: str, following: str) -> None:
    when = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert f"{start_of(period, when):%Y-%m-%d}" == first
    assert f"{next_start(period, when):%Y-%m-%d}" == following
    assert start_of(period, next_start(period, when)) == next_start(period, when)
