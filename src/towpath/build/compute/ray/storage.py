"""Where trainings that are spread over machines keep their checkpoints: beside the blobs, by name.

A checkpoint is derived data and lives no longer than the step that writes it: it is discarded when the
step has its result. Those of steps that never got there are what `purge` removes.
"""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from towpath.core.errors import InvalidSetting

_AREA = "training"
_SECURE = "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStorage:
    """A folder that every machine reaches, with a folder in it per training. Thread-safe.

    Attributes:
        path: Where, as `filesystem` names it.
        filesystem: A `pyarrow.fs.FileSystem`.
    """

    path: str
    filesystem: Any

    def discard(self, name: str) -> None:
        """Remove what a training kept; fine if there is nothing."""
        with contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_dir(f"{self.path}/{name}")

    def kept(self) -> list[str]:
        """Return the names of the trainings that have kept something."""
        fs = _fs()
        found = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(one.base_name for one in found if one.type == fs.FileType.Directory)

    def purge(self) -> None:
        """Remove what every training has kept: an erasure does this, for what was learnt from whom can't
        be told from a checkpoint. A training that is under way begins anew when it is tried again.
        """
        for name in self.kept():
            self.discard(name)


def training_storage(blobs_url: str) -> TrainingStorage:
    """Return the storage beside the blobs at a URL of `open_blobs`.

    Raises:
        InvalidSetting: The URL names no store that we know.
    """
    parts, fs = urlsplit(blobs_url), _fs()
    if parts.scheme == "file":
        path = Path(unquote(parts.path)) / _AREA
        return TrainingStorage(path=str(path), filesystem=fs.LocalFileSystem())
    if parts.scheme != "s3":
        raise InvalidSetting(f"{parts.scheme}:// can't hold checkpoints", remedy="Use file or s3.")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    endpoint = urlsplit(query.get("endpoint", ""))
    filesystem = fs.S3FileSystem(
        access_key=query.get("access_key_id"),
        secret_key=query.get("secret_access_key"),
        region=query.get("region"),
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme or _SECURE,
    )
    path = "/".join(part for part in (parts.netloc, parts.path.strip("/"), _AREA) if part)
    return TrainingStorage(path=path, filesystem=filesystem)


def _fs() -> Any:
    """Import Arrow's file systems where they are used: every step's process loads this module."""
    return importlib.import_module("pyarrow.fs")
