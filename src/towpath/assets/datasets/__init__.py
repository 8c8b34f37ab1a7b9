"""Data sets: what rows look like, their versions, and how a person's rows leave every one of them."""

from towpath.assets.datasets.contract import (
    DatasetStore,
    ErasedDataset,
    ErasedVersion,
    Mode,
    Pin,
    Rows,
)
from towpath.assets.datasets.declaration import Dataset, Selection
from towpath.assets.datasets.manifest import DataFile, Manifest
from towpath.assets.datasets.schema import Column, Doc, Personal, Range, Schema, Values

__all__ = [
    "Column",
    "DataFile",
    "Dataset",
    "DatasetStore",
    "Doc",
    "ErasedDataset",
    "ErasedVersion",
    "Manifest",
    "Mode",
    "Personal",
    "Pin",
    "Range",
    "Rows",
    "Schema",
    "Selection",
    "Values",
]
