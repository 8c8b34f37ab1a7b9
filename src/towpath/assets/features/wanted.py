"""What a join asks of a view's observations, in words that travel to another process."""

from __future__ import annotations

import msgspec


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A lookup without its view: by which columns, for which features, under which names.

    Attributes:
        by: The columns of the rows that hold the entity.
        features: The features that are added.
        names: What they are called then.
        ttl_us: How long an observation may be used, in microseconds; None for ever.
    """

    by: tuple[str, ...]
    features: tuple[str, ...]
    names: tuple[str, ...]
    ttl_us: int | None
