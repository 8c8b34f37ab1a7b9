"""Sources: rows that live elsewhere, read in batches that a load can carry on from."""

from towpath.assets.sources.contract import Batch, Reading, Source

__all__ = ["Batch", "Reading", "Source"]
