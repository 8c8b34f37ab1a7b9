"""Families of models: what a version was fine-tuned from, and what was fine-tuned from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

TUNED = "tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One version of a family.

    Attributes:
        version: It.
        depth: Generations below the oldest ancestor, which has 0.
    """

    version: Version
    depth: int


def parent_of(version: Version) -> Ref | None:
    """Return the version that a model was fine-tuned from; None for one trained from scratch."""
    text = version.body.get("parent")
    return None if not text else Ref.parse(text, "model")


def ancestors_of(tx: Transaction, version: Version) -> Iterator[Version]:
    """Yield a version's parent, that one's parent, and so on.

    A child is always registered after its parent, so the walk ends.
    """
    parent = parent_of(version)
    while parent is not None:
        found = tx.versions.get(parent)
        yield found
        parent = parent_of(found)


def family_of(tx: Transaction, version: Version) -> tuple[Member, ...]:
    """Return a version's ancestors, itself, and everything that was fine-tuned from it.

    Parents come before their children; an only child without a parent is a family of one. Costs one
    walk of the graph.
    """
    older = list(ancestors_of(tx, version))[::-1]
    members = [Member(version=one, depth=depth) for depth, one in enumerate(older)]
    children: dict[Ref, list[Ref]] = {}
    for edge in tx.graph.impact(version.ref).edges:
        if edge.relation == TUNED:
            children.setdefault(edge.parent, []).append(edge.child)
    queue = [(version.ref, len(older))]
    while queue:
        ref, depth = queue.pop()
        members.append(Member(version=tx.versions.get(ref), depth=depth))
        queue += [(child, depth + 1) for child in sorted(children.get(ref, ()), reverse=True)]
    return tuple(members)
