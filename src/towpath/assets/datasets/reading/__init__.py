"""Reading one version with the tools that people have: Polars, Arrow, pandas, DuckDB, Ray Data."""

from towpath.assets.datasets.reading.snapshot import Snapshot

__all__ = ["Snapshot"]
