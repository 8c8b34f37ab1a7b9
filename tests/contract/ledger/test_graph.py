"""Every ledger walks its graph as the contract says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.core.refs import Ref
from towpath.ledger import Edge

if TYPE_CHECKING:
    from towpath.ledger import Ledger

ROWS, MORE = Ref("dataset", "flights", 1), Ref("dataset", "flights", 2)
CODE = Ref("code", "flights", 1)
TRAIN, AGAIN = Ref("run", "a1"), Ref("run", "a2")
MODEL = Ref("model", "late", 1)
RELEASE = Ref("release", "prod", 1)


@pytest.fixture
def loop(ledger: Ledger) -> Ledger:
    """Return a ledger with two runs that made the same model, and a release of it."""
    with ledger.write() as tx:
        for run, rows in ((TRAIN, ROWS), (AGAIN, MORE)):
            tx.graph.link(run, "used", rows)
            tx.graph.link(run, "used", CODE)
            tx.graph.link(MODEL, "made", run)
        tx.graph.link(RELEASE, "includes", MODEL)
    return ledger


def test_a_trace_reaches_everything_a_release_depends_on(loop: Ledger) -> None:
    with loop.read() as tx:
        lineage = tx.graph.trace(RELEASE)
    assert lineage.root == RELEASE
    assert lineage.nodes == (RELEASE, MODEL, TRAIN, AGAIN, CODE, ROWS, MORE)
    assert len(lineage.edges) == 7
    assert Edge(child=TRAIN, parent=ROWS, relation="used") in lineage.edges


def test_an_impact_reaches_everything_that_depends_on_a_version(loop: Ledger) -> None:
    with loop.read() as tx:
        assert tx.graph.impact(MORE).nodes == (MORE, AGAIN, MODEL, RELEASE)
        assert tx.graph.impact(CODE).nodes == (CODE, TRAIN, AGAIN, MODEL, RELEASE)


def test_depth_bounds_the_walk(loop: Ledger) -> None:
    with loop.read() as tx:
        assert tx.graph.trace(RELEASE, depth=0).nodes == (RELEASE,)
        assert tx.graph.trace(RELEASE, depth=1).nodes == (RELEASE, MODEL)
        assert tx.graph.trace(RELEASE, depth=2).nodes == (RELEASE, MODEL, TRAIN, AGAIN)


def test_an_unknown_node_stands_alone(loop: Ledger) -> None:
    with loop.read() as tx:
        lineage = tx.graph.trace(Ref("model", "nobody", 1))
    assert (lineage.nodes, lineage.edges) == ((Ref("model", "nobody", 1),), ())


def test_linking_twice_is_linking_once(loop: Ledger) -> None:
    with loop.write() as tx:
        tx.graph.link(RELEASE, "includes", MODEL)
        linked = tx.events.read(types=["edge.linked"], subject=str(RELEASE))
    assert [event.payload for event in linked] == [{"relation": "includes", "parent": str(MODEL)}]


def test_a_circle_ends_the_walk(ledger: Ledger) -> None:
    with ledger.write() as tx:
        tx.graph.link(ROWS, "used", MORE)
        tx.graph.link(MORE, "used", ROWS)
        assert tx.graph.trace(ROWS).nodes == (ROWS, MORE)
        assert tx.graph.impact(ROWS, depth=5).nodes == (ROWS, MORE)


@given(
    pairs=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25),
    depth=st.none() | st.integers(1, 4),
)
@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_walk_finds_what_a_plain_search_finds(
    ledger: Ledger, pairs: set[tuple[int, int]], depth: int | None
) -> None:
    with ledger.write() as tx:
        where = f"x{tx.events.size()}"  # nodes of this example's own

        def node(number: int) -> Ref:
            return Ref("artifact", where, number + 1)

        for child, parent in sorted(pairs):
            tx.graph.link(node(child), "used", node(parent))
        for backwards in (True, False):
            hops = [pair if backwards else pair[::-1] for pair in pairs]
            reached, border = {0}, {0}
            for _ in range(10 if depth is None else depth):
                border = {far for near, far in hops if near in border} - reached
                reached |= border
            walk = tx.graph.trace if backwards else tx.graph.impact
            assert set(walk(node(0), depth=depth).nodes) == {node(number) for number in reached}
