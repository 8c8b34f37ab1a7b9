"""How columns were spread in a monitor's newest window, beside the training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from towpath.assets.models.reference import Reference
from towpath.core.errors import IntegrityError, NotFound
from towpath.core.refs import Ref
from towpath.server.resources.monitors import Spread, SpreadBar
from towpath.server.views.values import number

if TYPE_CHECKING:
    from towpath.assets.models.columns import ColumnReference
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs.contract import BlobStore

_NO_P = 2.0  # sorts behind every probability


def spreads(ledger: Ledger, blobs: BlobStore, name: str) -> list[Spread]:
    """Return the watched columns, most unusual first; none before the first window is judged.

    Raises:
        NotFound: There is no such monitor.
    """
    with ledger.read() as tx:
        status = tx.intents.get("monitor", name).status
        shares: dict[str, list[float]] = status.get("spread") or {}
        if not shares:
            return []
        digest = tx.versions.get(Ref.parse(status["model"])).body["reference"]
        metrics = tx.runs.get(status["run"]).metrics
    try:
        reference = Reference.decode(blobs.get(digest))
    except (NotFound, IntegrityError):  # an erasure deleted the model meanwhile
        return []
    found = [
        Spread(
            column=column.name,
            ordered=column.ordered,
            distance=number(metrics.get(f"distance.{column.name}")),
            p=number(metrics.get(f"p.{column.name}")),
            bars=_bars(column, shares[column.name]),
        )
        for column in reference.columns
        if len(shares.get(column.name, ())) == column.blocks.shape[1]
    ]
    return sorted(found, key=lambda one: (_NO_P if one.p is None else one.p, one.column))


def _bars(column: ColumnReference, after: list[float]) -> list[SpreadBar]:
    counts = column.fold(column.profile)
    before = np.round(counts / max(1, counts.sum()), 3).tolist()
    last = len(before) - 1
    if column.ordered:
        edges: list[float] = column.profile.edges[column.profile.groups[1:] - 1].tolist()
        ends: list[tuple[str, float | None, float | None]] = [
            ("", since, until) for since, until in zip([None, *edges], [*edges, None], strict=True)
        ]
    else:
        items = column.profile.items[: last - 1]
        named = [*items, *[""] * (last - len(items))]
        ends = [(label, None, None) for label in named]
    return [
        SpreadBar(label=label, since=since, until=until, before=one, after=two)
        for (label, since, until), one, two in zip(
            [*ends, ("missing", None, None)], before, after, strict=True
        )
    ]
