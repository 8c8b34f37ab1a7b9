"""A run's picture: calls that are to come, that run, that came from the cache; many drawn as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from towpath.build.pipelines import OUTLINE_TAG, Outline
from towpath.build.pipelines.planning.outline import OutlineCandidate, OutlineNode
from towpath.core.errors import NotFound
from towpath.core.ids import new_id
from towpath.core.refs import Ref
from towpath.ledger.records import NewRun
from towpath.server.views.run_graph import run_graph
from towpath.server.views.runs import get_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeded_home import SeededHome

    from towpath.ledger import Ledger
    from towpath.server.resources.run_graph import RunGraph, RunNode
    from towpath.storage.blobs import BlobStore

OUTLINE = Outline(
    nodes=(
        OutlineNode(name="prepare", step="flights.prepare", reads=("flights",)),
        OutlineNode(name="search", step="flights.fit", kind="search", needs=(0,)),
        OutlineNode(name="describe", step="flights.describe", needs=(1,)),
    ),
    candidates=(OutlineCandidate(name="late", needs=1),),
)


class Drawn:
    """One run that a test tells what happened in."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, outline: Outline | None) -> None:
        self.ledger, self.blobs = ledger, blobs
        tags = {"reason": "test"}
        if outline is not None:
            tags[OUTLINE_TAG] = blobs.put(msgspec.json.encode(outline))
        with ledger.write() as tx:
            self.run = tx.runs.start(kind="pipeline", name="drawn", project="drawn", tags=tags)

    def call(self, name: str, status: Any = None, *, kind: str = "step", **tags: str) -> str:
        with self.ledger.write() as tx:
            call = tx.runs.start(
                kind=kind, name=name, project="drawn", parent=self.run.id, tags=tags
            )
            if status is not None:
                tx.runs.finish(call.id, status)
        return call.id

    def link(self, child: Ref, relation: Any, parent: Ref) -> None:
        with self.ledger.write() as tx:
            tx.graph.link(child, relation, parent)

    def graph(self) -> RunGraph:
        with self.ledger.read() as tx:
            return run_graph(tx, self.blobs, self.run.id)

    def node(self, name: str) -> RunNode:
        return next(node for node in self.graph().nodes if node.id == name)


@pytest.fixture
def draw(sqlite_ledger: Ledger, disk_blobs: BlobStore) -> Callable[[Outline | None], Drawn]:
    """What begins a run in a home of the test's own."""
    return lambda outline: Drawn(sqlite_ledger, disk_blobs, outline)


@pytest.fixture
def drawn(draw: Callable[[Outline | None], Drawn]) -> Drawn:
    return draw(OUTLINE)


def test_steps_are_drawn_before_they_began(drawn: Drawn) -> None:
    graph = drawn.graph()
    assert [(node.id, node.kind, node.state) for node in graph.nodes] == [
        ("dataset:flights", "dataset", "ahead"),
        ("prepare", "step", "ahead"),
        ("search", "search", "ahead"),
        ("describe", "step", "ahead"),
        ("candidate:late", "candidate", "ahead"),
    ]
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        ("dataset:flights", "prepare"),
        ("prepare", "search"),
        ("search", "describe"),
        ("search", "candidate:late"),
    ]


def test_calls_of_a_driver_are_counted_in_its_node(drawn: Drawn) -> None:
    own = drawn.call("search", kind="search")
    drawn.call("search/trial-0", "finished")
    drawn.call("search/trial-1", "finished", cached="true")
    drawn.call("search/trial-2", "killed")
    drawn.call("search/trial-3", "failed")
    node = drawn.node("search")
    assert node.counts == {"finished": 1, "cached": 1, "killed": 1, "failed": 1}
    assert (node.state, node.run) == ("running", own)


def test_a_search_that_is_over_is_what_its_own_run_is(drawn: Drawn) -> None:
    drawn.call("search/trial-0", "failed")
    drawn.call("search", "finished", kind="search")
    assert drawn.node("search").state == "finished"


def test_of_several_calls_a_failure_matters_most_and_leads_to_its_run(
    draw: Callable[[Outline | None], Drawn],
) -> None:
    drawn = draw(None)
    drawn.call("fit")
    failed = drawn.call("fit", "failed")
    node = drawn.node("fit")
    assert (node.state, node.run) == ("failed", failed)


def test_what_a_run_did_without_was_skipped(drawn: Drawn) -> None:
    drawn.call("prepare", "finished")
    with drawn.ledger.write() as tx:
        tx.runs.finish(drawn.run.id, "failed")
    states = {node.id: node.state for node in drawn.graph().nodes}
    assert states["prepare"] == "finished"
    assert {states["search"], states["describe"], states["candidate:late"]} == {"skipped"}


def test_a_branch_is_over_once_something_behind_it_begins(
    draw: Callable[[Outline | None], Drawn],
) -> None:
    nodes = (
        OutlineNode(name="check", step="flights.check"),
        OutlineNode(name="small", step="flights.small", needs=(0,)),
        OutlineNode(name="when", step="when", kind="when", needs=(0, 1)),
        OutlineNode(name="report", step="flights.report", needs=(2,), bases=("late",)),
    )
    drawn = draw(Outline(nodes=nodes))
    assert drawn.node("when").state == "ahead"
    drawn.call("report")
    assert drawn.node("when").state == "finished"
    assert drawn.node("small").state == "ahead"
    drawn.link(drawn.run.ref, "used", Ref("model", "late", 2))
    assert drawn.node("model:late").ref == "model:late@2"


def test_an_attempt_takes_the_place_of_the_one_before(drawn: Drawn) -> None:
    drawn.call("prepare", "failed")
    second = drawn.call("prepare", "finished")
    node = drawn.node("prepare")
    assert (node.state, node.counts, node.run) == ("finished", {"finished": 1}, second)


def test_what_was_read_and_proposed_is_named_with_its_version(drawn: Drawn) -> None:
    drawn.link(drawn.run.ref, "used", Ref("dataset", "flights", 2))
    drawn.link(Ref("model", "late", 4), "made", drawn.run.ref)
    assert drawn.node("dataset:flights").ref == "dataset:flights@2"
    proposed = drawn.node("candidate:late")
    assert (proposed.state, proposed.ref) == ("finished", "model:late@4")


def test_many_calls_of_one_step_are_drawn_as_one(draw: Callable[[Outline | None], Drawn]) -> None:
    fits = tuple(
        OutlineNode(name=f"fit-{place}", step="flights.fit", needs=(0,)) for place in range(1, 101)
    )
    last = OutlineNode(name="pick", step="flights.pick", needs=tuple(range(1, 101)))
    drawn = draw(Outline(nodes=(*OUTLINE.nodes[:1], *fits, last)))
    for place in range(1, 4):
        drawn.call(f"fit-{place}", "finished")
    graph = drawn.graph()
    assert graph.folded
    assert [node.id for node in graph.nodes] == ["dataset:flights", "prepare", "fit", "pick"]
    assert drawn.node("fit").counts == {"finished": 3, "ahead": 97}
    assert [(edge.source, edge.target) for edge in graph.edges][1:] == [
        ("prepare", "fit"),
        ("fit", "pick"),
    ]


def test_a_run_without_an_outline_is_drawn_from_its_artefacts(
    draw: Callable[[Outline | None], Drawn],
) -> None:
    drawn = draw(None)
    between = Ref("artifact", "9" * 64)
    first, second = drawn.call("first", "finished"), drawn.call("second")
    drawn.link(Ref("run", first), "used", Ref("dataset", "flights", 1))
    drawn.link(between, "made", Ref("run", first))
    drawn.link(Ref("run", second), "used", between)
    graph = drawn.graph()
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        ("dataset:flights", "first"),
        ("first", "second"),
    ]


def test_the_api_answers_it_and_names_what_is_not_there(home: SeededHome, client: Any) -> None:
    answer = client.get(f"/api/v1/runs/{home.runs[0]}/graph")
    assert [node["id"] for node in answer.json()["nodes"]] == [
        "dataset:flights",
        "prepare",
        "split",
        "fit",
        "candidate",
    ]
    assert client.get("/api/v1/runs/nobody/graph").status_code == 404
    with home.ledger.read() as tx, pytest.raises(NotFound):
        run_graph(tx, home.blobs, "nobody")


def test_of_very_many_calls_the_newest_are_listed_with_what_fans_out(home: SeededHome) -> None:
    with home.ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="wide", project="drawn")
        driver = tx.runs.start(kind="map", name="fit", project="drawn", parent=run.id)
        calls = [
            NewRun(id=new_id(), kind="step", name=f"fit/{n}", project="drawn", parent=run.id)
            for n in range(1_001)
        ]
        tx.runs.start_all(calls)
    with home.ledger.read() as tx:
        shown = get_run(tx, run.id)
    assert shown.truncated
    assert [one.id for one in shown.steps if one.kind == "map"] == [driver.id]
    assert len(shown.steps) == 1_001
