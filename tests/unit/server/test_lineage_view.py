"""The drawn graph: thinned without losing who depends on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.refs import Ref
from towpath.server.views.lineage import lineage_graph

if TYPE_CHECKING:
    from seeded_home import SeededHome


def test_steps_and_artefacts_are_drawn_through(home: SeededHome):
    graph = lineage_graph(
        home.services.tracer, Ref("model", "late", 4), direction="trace", full=False, limit=100
    )
    kinds = sorted(node.kind for node in graph.nodes)
    assert kinds == ["code", "dataset", "dataset", "model", "run"]
    model, run = "model:late@4", f"run:{home.runs[3]}"
    assert (model, run) in {(edge.child, edge.parent) for edge in graph.edges}
    assert {edge.parent for edge in graph.edges if edge.child == run} == {
        "code:flights@1",
        "dataset:flights@4",
        "dataset:weather@4",
    }


def test_everything_is_there_when_asked_for(home: SeededHome):
    graph = lineage_graph(
        home.services.tracer, Ref("model", "late", 4), direction="trace", full=True, limit=100
    )
    kinds = [node.kind for node in graph.nodes]
    assert kinds.count("artifact") == 4
    assert kinds.count("run") == 5


def test_distances_tell_sources_from_dependants(home: SeededHome):
    graph = lineage_graph(
        home.services.tracer, Ref("model", "late", 1), direction="both", full=False, limit=100
    )
    places = {node.kind: node.distance for node in graph.nodes}
    assert places["model"] == 0
    assert places["run"] == 1
    assert places["dataset"] == 2
    assert places["release"] == -1


def test_the_nearest_are_kept_when_there_are_too_many(home: SeededHome):
    graph = lineage_graph(
        home.services.tracer, Ref("model", "late", 4), direction="both", full=True, limit=3
    )
    assert graph.truncated
    assert len(graph.nodes) == 3
    assert max(abs(node.distance) for node in graph.nodes) == 1
    shown = {node.ref for node in graph.nodes}
    assert all({edge.child, edge.parent} <= shown for edge in graph.edges)
