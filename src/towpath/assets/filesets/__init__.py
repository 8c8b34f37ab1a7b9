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

__all__ = [
    "AddProgress",
    "Added",
    "CheckedOut",
    "CheckoutMethod",
    "Collected",
    "FileChange",
    "FileDiff",
    "FileRow",
    "FileSet",
    "FileSetStore",
    "holds_files",
]
