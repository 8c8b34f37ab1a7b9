"""The lines of a data set: its trunk and its branches, which share files and are erased from together.

A branch is an asset of its own, `flights~what-if`, whose tags say which version of the trunk it is
based on, and whether it was dropped. Its versions stay in the family either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Asset

BASE = "base"
DROPPED = "dropped"


def trunk_of(name: str) -> str:
    """Return the declared name of the data set that a line belongs to."""
    return Ref("dataset", name).trunk


def line_names(tx: Transaction, name: str) -> list[str]:
    """Return the names of all lines of a data set, dropped ones too, the trunk first."""
    trunk = trunk_of(name)
    return [trunk, *(asset.name for asset in _branch_assets(tx, trunk))]


def living_branches(tx: Transaction, name: str) -> list[Asset]:
    """Return the branches of a data set that were not dropped, by name."""
    return [one for one in _branch_assets(tx, trunk_of(name)) if DROPPED not in one.tags]


def require_living(tx: Transaction, line: Ref) -> Asset:
    """Return the asset of a branch.

    Raises:
        NotFound: The data set has no such branch, or it was dropped.
    """
    living = living_branches(tx, line.trunk)
    for asset in living:
        if asset.name == line.name:
            return asset
    names = [branch for one in living if (branch := Ref("dataset", one.name).branch)]
    remedy = "" if names else f"Make it: towpath dataset branch {line.trunk} {line.branch}."
    raise NotFound.named(
        f"branch of data set {line.trunk!r} called", line.branch or "", names, remedy=remedy
    )


def _branch_assets(tx: Transaction, trunk: str) -> list[Asset]:
    return tx.versions.assets("dataset", prefix=f"{trunk}~")
