"""A bundle: the files of a project as they were, named by content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from towpath.core.errors import IntegrityError

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledFile:
    """One file of a bundle.

    Attributes:
        path: Relative to the project folder, with forward slashes.
        digest: SHA-256 of its bytes, which are a blob of their own.
        size_bytes: Its length.
    """

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The manifest of a project's code: canonical JSON, itself a blob, whose digest names the bundle.

    Attributes:
        format: Version of this layout.
        entry: `module:attribute` of the project's declaration.
        files: Sorted by path.
    """

    format: int = FORMAT
    entry: str
    files: tuple[BundledFile, ...]


def read_bundle(data: bytes) -> Bundle:
    """Decode a manifest and refuse one that could write outside its folder.

    Raises:
        IntegrityError: It is not a manifest, is of a newer format, or holds an unsafe path.
    """
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
    except msgspec.DecodeError as error:
        raise IntegrityError("a code bundle's manifest can't be read") from error
    if bundle.format != FORMAT:
        raise IntegrityError(
            f"the code bundle has format {bundle.format}, this version reads {FORMAT}",
            remedy="Upgrade Towpath.",
        )
    paths = [check_path(file.path) for file in bundle.files]
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    if len(set(paths)) < len(paths) or folders & set(paths):
        raise IntegrityError("the code bundle holds a path twice", remedy="Do not use it.")
    return bundle


def check_path(path: str) -> str:
    """Return `path` if it stays inside the folder it is joined to.

    Raises:
        IntegrityError: It is absolute, climbs, or is not in its shortest form.
    """
    parts = path.split("/")
    odd = {"", ".", ".."} & set(parts) or any(c in path for c in "\\\0:") or path != path.strip()
    if odd or not path.isprintable():
        raise IntegrityError(
            f"the path {path!r} in a code bundle is not safe",
            remedy="The bundle was not made by Towpath; do not use it.",
            path=path,
        )
    return path
