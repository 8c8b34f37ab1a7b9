"""Reading one version with the tools that people have: Polars, Arrow, pandas, DuckDB, Ray Data."""

from towpath.assets.datasets.reading.ray_source import dataset_on_ray
from towpath.assets.datasets.reading.snapshot import Snapshot

__all__ = ["Snapshot", "dataset_on_ray"]
