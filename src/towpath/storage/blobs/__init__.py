"""Content-addressed, immutable bytes: on a local disk or in an S3 bucket."""

from towpath.storage.blobs.contract import BlobStore
from towpath.storage.blobs.disk import DiskBlobStore
from towpath.storage.blobs.opening import open_blobs

__all__ = ["BlobStore", "DiskBlobStore", "open_blobs"]
