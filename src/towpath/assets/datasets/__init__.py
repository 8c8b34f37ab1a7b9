"""Data sets: what rows look like, their versions, and how a person's rows leave every one of them."""

from typing import TYPE_CHECKING

from towpath.core.lazily import lazily

if TYPE_CHECKING:
    from towpath.assets.datasets.catalogue import COLLECTED, READY
    from towpath.assets.datasets.contract import (
        DatasetStore,
        ErasedDataset,
        ErasedVersion,
        Load,
        Mode,
        Pin,
        Rows,
    )
    from towpath.assets.datasets.declaration import Dataset, Selection
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.assets.datasets.reading import Snapshot
    from towpath.assets.datasets.scanning import load_manifest, scan_manifest, selection_digest
    from towpath.assets.datasets.schema import Column, Doc, Personal, Range, Schema, Values
    from towpath.assets.datasets.staging import DeletionReconciler
    from towpath.assets.datasets.store import ParquetDatasetStore

# What reads and writes tables loads Polars and Arrow; whoever names a data set needs neither.
__getattr__ = lazily(
    __name__,
    {
        "COLLECTED": "catalogue",
        "Column": "schema",
        "DataFile": "manifest",
        "Dataset": "declaration",
        "DatasetStore": "contract",
        "DeletionReconciler": "staging",
        "Doc": "schema",
        "ErasedDataset": "contract",
        "ErasedVersion": "contract",
        "Load": "contract",
        "Manifest": "manifest",
        "Mode": "contract",
        "ParquetDatasetStore": "store",
        "Personal": "schema",
        "Pin": "contract",
        "READY": "catalogue",
        "Range": "schema",
        "Rows": "contract",
        "Schema": "schema",
        "Selection": "declaration",
        "Snapshot": "reading",
        "Values": "schema",
        "load_manifest": "scanning",
        "scan_manifest": "scanning",
        "selection_digest": "scanning",
    },
)

__all__ = [
    "COLLECTED",
    "READY",
    "Column",
    "DataFile",
    "Dataset",
    "DatasetStore",
    "DeletionReconciler",
    "Doc",
    "ErasedDataset",
    "ErasedVersion",
    "Load",
    "Manifest",
    "Mode",
    "ParquetDatasetStore",
    "Personal",
    "Pin",
    "Range",
    "Rows",
    "Schema",
    "Selection",
    "Snapshot",
    "Values",
    "load_manifest",
    "scan_manifest",
    "selection_digest",
]
