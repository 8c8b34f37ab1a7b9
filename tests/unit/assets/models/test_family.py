"""What a version was fine-tuned from, and what was fine-tuned from it."""

from __future__ import annotations

from typing import Any

import pytest

from towpath.assets.models import ancestors_of, family_of, parent_of
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref


@pytest.fixture
def lineage(registry: Any, proposal: Any) -> list[Ref]:
    """A founder, its two children, and a child of the second one; and somebody unrelated."""

    def register(seed: int, parent: Ref | None = None) -> Ref:
        conditions = f"{seed:064}"
        return registry.register(proposal(seed, parent=parent, conditions=conditions)).ref

    founder = register(0)
    stranger = register(1)
    first, second = register(2, founder), register(3, founder)
    return [founder, first, second, register(4, second), stranger]


def refs(members: Any) -> list[tuple[Ref, int]]:
    return [(one.version.ref, one.depth) for one in members]


def test_a_family_is_the_way_up_and_everything_below(lineage: list[Ref], sqlite_ledger: Any):
    founder, first, second, grandchild, stranger = lineage
    with sqlite_ledger.read() as tx:
        family = {one: refs(family_of(tx, tx.versions.get(one))) for one in lineage}
    everybody = [(founder, 0), (first, 1), (second, 1), (grandchild, 2)]
    assert family[founder] == everybody
    assert family[second] == [(founder, 0), (second, 1), (grandchild, 2)]
    assert family[first] == [(founder, 0), (first, 1)]
    assert family[grandchild] == [(founder, 0), (second, 1), (grandchild, 2)]
    assert family[stranger] == [(stranger, 0)]


def test_ancestors_come_nearest_first(lineage: list[Ref], sqlite_ledger: Any):
    founder, _, second, grandchild, _ = lineage
    with sqlite_ledger.read() as tx:
        version = tx.versions.get(grandchild)
        assert [one.ref for one in ancestors_of(tx, version)] == [second, founder]
        assert parent_of(version) == second
        assert parent_of(tx.versions.get(founder)) is None


def test_the_parent_is_signed_with_the_rest_and_on_the_card(lineage: list[Ref], registry: Any):
    grandchild = lineage[3]
    assert registry.verify(grandchild).body["parent"] == str(lineage[2])
    assert f"Fine-tuned from {lineage[2]}" in registry.card(grandchild)
    assert "Fine-tuned" not in registry.card(lineage[0])


@pytest.mark.parametrize("state", ["condemned", "deleted"])
def test_no_child_of_what_has_to_go_is_registered(
    lineage: list[Ref], registry: Any, proposal: Any, sqlite_ledger: Any, state: str
):
    with sqlite_ledger.write() as tx:
        tx.versions.set_state(lineage[0], state, reason="an erasure")
    with pytest.raises(Conflict, match=f"was {state} meanwhile"):
        registry.register(proposal(7, parent=lineage[0], conditions="7" * 64))
    with pytest.raises(NotFound):
        registry.register(proposal(8, parent=Ref("model", "late", 99), conditions="8" * 64))
    with sqlite_ledger.read() as tx:
        latest = tx.versions.latest("model", "late")
        assert latest is not None
        assert latest.ref == lineage[4].at(max(one.version or 0 for one in lineage))
