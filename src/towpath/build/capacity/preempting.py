"""Whom a higher priority stops: strictly lower, preemptible, saving checkpoints, least work lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.build.capacity.claims import Claim
    from towpath.build.capacity.standing import Standing


def victims(standing: Standing, claim: Claim) -> list[Claim]:
    """Return the attempts that have to stop so that `claim` may start; none if that wouldn't do.

    Attempts that were told to make room for it already count as gone. Taken are, of those that stand
    in the way, the ones that lose least until there is room, less those that turn out not to be needed.

    Args:
        standing: Where the budgets stand.
        claim: An attempt that waits.
    """
    obstacles = standing.obstacles(claim)
    in_the_way = {obstacle.node.path for obstacle in obstacles}
    leaving = [one for one in standing.running if one.wanted_by == claim.id]
    candidates = [
        one
        for one in standing.running
        if _may_stop(one, claim) and in_the_way & {node.path for node in standing.path(one)}
    ]
    candidates.sort(key=lambda one: (work_lost(one, standing.wall), one.id))
    taken: list[Claim] = []
    for one in candidates:
        if not standing.obstacles(claim, besides=[*leaving, *taken]):
            break
        taken.append(one)
    if standing.obstacles(claim, besides=[*leaving, *taken]):
        return []
    return _needed(standing, claim, leaving, taken)


def work_lost(claim: Claim, wall: datetime) -> float:
    """Return what stopping an attempt now throws away, in micro-units: since it last saved."""
    since = claim.saved_at or claim.granted_at
    if since is None or not claim.limit_ms:
        return 0.0
    return claim.unit * max(0.0, (wall - since).total_seconds() * 1000) / claim.limit_ms


def _may_stop(one: Claim, claim: Claim) -> bool:
    return (
        one.priority < claim.priority
        and one.preemptible
        and one.checkpointing
        and one.wanted_by is None
        and one.granted_at is not None
    )


def _needed(
    standing: Standing, claim: Claim, leaving: Sequence[Claim], taken: Sequence[Claim]
) -> list[Claim]:
    """Leave out whom the room does not depend on, the dearest first."""
    needed = list(taken)
    for one in reversed(taken):
        without = [other for other in needed if other is not one]
        if not standing.obstacles(claim, besides=[*leaving, *without]):
            needed = without
    return needed


__all__ = ["victims", "work_lost"]
