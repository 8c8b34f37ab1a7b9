"""Tells an entry that was put elsewhere from one that was changed.

An entry's hash covers its position. So a row that lies where another belongs still has the right hash at
the place it came from, and this can be tried: the rows that are wrong are few, or there is no point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.ledger.contract import StoredEntry

_TRIED_MOST = 200  # rows; each is hashed once for each place


def moved_from(
    bad: Mapping[int, StoredEntry], leaf_of: Callable[[StoredEntry, int], bytes]
) -> dict[int, int]:
    """Return, for those of the wrong rows that were moved, the position that each came from.

    Args:
        bad: The rows whose leaf is not their hash, by position.
        leaf_of: Hashes a row as if it lay at a position.
    """
    tried = dict(list(bad.items())[:_TRIED_MOST])
    expected = {row[6]: seq for seq, row in tried.items()}
    found: dict[int, int] = {}
    for seq, row in tried.items():
        for origin in tried:
            # Its leaf came along, or stayed behind with the place.
            leaf = leaf_of(row, origin)
            if origin != seq and (leaf == row[6] or expected.get(leaf) == origin):
                found[seq] = origin
                break
    return found
