"""File sets: folders of images, texts and sounds as versioned tables beside content-addressed bytes."""

from towpath.assets.filesets.contract import (
    Added,
    AddProgress,
    CheckedOut,
    CheckoutMethod,
    Collected,
    FileChange,
    FileDiff,
    FileSetStore,
)
from towpath.assets.filesets.declaration import FileRow, FileSet, holds_files
from towpath.assets.filesets.deleting import FileDeletionReconciler
from towpath.assets.filesets.marking import fileset_names, is_fileset
from towpath.assets.filesets.reading import File, Files
from towpath.assets.filesets.store import AREA, BlobFileSetStore

__all__ = [
    "AREA",
    "AddProgress",
    "Added",
    "BlobFileSetStore",
    "CheckedOut",
    "CheckoutMethod",
    "Collected",
    "File",
    "FileChange",
    "FileDeletionReconciler",
    "FileDiff",
    "FileRow",
    "FileSet",
    "FileSetStore",
    "Files",
    "fileset_names",
    "holds_files",
    "is_fileset",
]
