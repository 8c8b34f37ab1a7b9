"""Chooses the blob store that a URL names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from towpath.core.errors import InvalidSetting
from towpath.storage.blobs.disk import DiskBlobStore

if TYPE_CHECKING:
    from towpath.storage.blobs.contract import BlobStore


def open_blobs(url: str, *, cache_dir: Path | None = None) -> BlobStore:
    """Open the blob store at `file:///FOLDER` or `s3://BUCKET/PREFIX`.

    Args:
        url: Where the blobs are. An S3 URL may carry `endpoint`, `region`, `access_key_id` and
            `secret_access_key` in its query; the usual `AWS_…` variables fill in what it leaves out.
        cache_dir: Where downloads from a remote store are kept; a private temporary folder if None.

    Raises:
        InvalidSetting: The URL names no store that we know.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        return DiskBlobStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        from towpath.storage.blobs.remote import open_s3  # noqa: PLC0415 -- obstore is not needed on disk

        return open_s3(parts, cache_dir=cache_dir)
    raise InvalidSetting(
        f"the blob store URL {parts.scheme or url!r}… can't be used",
        remedy="Write file:///path/to/folder or s3://bucket/prefix.",
    )
