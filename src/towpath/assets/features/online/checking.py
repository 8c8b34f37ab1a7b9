"""Whether what is served is fresh, and what training would have been given."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from towpath.assets.features.online.contract import Skew, ViewStatus
from towpath.assets.features.online.keys import KeyEncoder
from towpath.assets.features.online.opened import Opened
from towpath.assets.features.online.rows import RowCodec
from towpath.assets.features.online.table import OnlineTable, decode_table
from towpath.core.clock import from_micros, to_micros
from towpath.core.refs import Ref
from towpath.storage.online import STAMP_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import polars as pl

    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.online.contract import Freshness
    from towpath.ledger.contract import Ledger
    from towpath.storage.online import OnlineStore


def status_of(
    ledger: Ledger, store: OnlineStore, view: FeatureView, *, project: str, now: datetime
) -> ViewStatus:
    """Tell how a view stands online, by what its table and the ledger say."""
    head = store.head(view.name)
    source = _latest_source(ledger, view)
    if head is None:
        return _absent(view, source)
    table = decode_table(head.body)
    freshness = _freshness(ledger, table, view, project=project, source=source)
    at = from_micros(table.at_us) if table.ref else None
    return ViewStatus(
        view=view.name,
        freshness=freshness,
        ref=table.ref or None,
        source=source,
        at=at,
        lag=None if at is None else now - at,
        entities=store.count(view.name),
        pushed=sum(1 for _ in store.carried(view.name)),
        skew=None,
    )


def compare(
    store: OnlineStore,
    view: FeatureView,
    batches: Iterable[pl.DataFrame],
    *,
    project: str,
    at: datetime,
    sample: int,
) -> Skew | None:
    """Compare a sample of what training would be given at a moment with what is served then.

    The sample is the same each time for the same observations. Reads all `batches`, and one look-up.

    Args:
        store: Where the online rows are.
        view: The feature view.
        batches: The newest observation of each entity, from the offline store.
        project: The project that owns the view.
        at: The moment of both.
        sample: How many entities.
    """
    head = store.head(view.name)
    if head is None:
        return None
    table = OnlineTable.of(view, project=project)
    opened = Opened(head.generation, decode_table(head.body))
    if not opened.table.means_the_same(table):
        return None
    keys, codec = KeyEncoder(table.entity), RowCodec(table)
    wanted = dict(_sampled(keys, codec, batches, sample))
    (found,) = store.read([(view.name, list(wanted))])
    seen, different = Counter[str](), Counter[str]()
    oldest_us = None if table.ttl_us is None else to_micros(at) - table.ttl_us
    for expected, served in zip(wanted.values(), found.values, strict=True):
        if served is None or (oldest_us is not None and codec.time_us(served) < oldest_us):
            seen["missing"] += 1
        elif served[:STAMP_BYTES] < expected[:STAMP_BYTES]:
            seen["stale"] += 1
        elif served[:STAMP_BYTES] > expected[:STAMP_BYTES]:
            seen["ahead"] += 1
        else:
            (_, ours), (_, theirs) = codec.unpack(expected), codec.unpack(served)
            pairs = zip(ours, theirs, strict=True)
            for name, pair in zip(table.declared.features, pairs, strict=True):
                different[name] += not _same(*pair)
    return Skew(
        sampled=len(wanted),
        ahead=seen["ahead"],
        missing=seen["missing"],
        stale=seen["stale"],
        different={name: count for name, count in different.items() if count},
    )


def _sampled(
    keys: KeyEncoder, codec: RowCodec, batches: Iterable[pl.DataFrame], sample: int
) -> Iterable[tuple[bytes, bytes]]:
    """Return so many rows, each as likely as any other (Vitter's algorithm R, by batch)."""
    dice = random.Random(sample)  # noqa: S311 -- a sample, guards nothing
    kept: list[tuple[bytes | None, bytes]] = []
    seen = 0
    for batch in batches:
        places: dict[int, int] = {}
        for row in range(batch.height):
            place = seen + row if seen + row < sample else dice.randrange(seen + row + 1)
            if place < sample:
                places[place] = row
        seen += batch.height
        chosen = batch[list(places.values())]
        rows = zip(keys.encode_frame(chosen), codec.pack(chosen), strict=True)
        kept += [(None, b"")] * (min(seen, sample) - len(kept))
        for place, row in zip(places, rows, strict=True):
            kept[place] = row
    return [(key, value) for key, value in kept if key is not None]


def _same(one: Any, other: Any) -> bool:
    return one == other or (one != one and other != other)  # noqa: PLR0124 -- NaN


def _latest_source(ledger: Ledger, view: FeatureView) -> str | None:
    with ledger.read() as tx:
        latest = tx.versions.latest("dataset", view.source.name)
    return None if latest is None else str(latest.ref)


def _freshness(
    ledger: Ledger, table: OnlineTable, view: FeatureView, *, project: str, source: str | None
) -> Freshness:
    if not table.means_the_same(OnlineTable.of(view, project=project)):
        return "outdated"
    if table.after is None:
        return "absent"
    ref, revision = table.after
    with ledger.read() as tx:
        version = tx.versions.find(ref)
        latest = None if source is None else tx.versions.find(Ref.parse(source))
    if version is None or latest is None or version.revision != revision:
        return "behind"
    read = (version.body["source"], version.body["source_revision"])
    return "current" if read == (source, latest.revision) else "behind"


def _absent(view: FeatureView, source: str | None) -> ViewStatus:
    return ViewStatus(
        view=view.name,
        freshness="absent",
        ref=None,
        source=source,
        at=None,
        lag=None,
        entities=0,
        pushed=0,
        skew=None,
    )
