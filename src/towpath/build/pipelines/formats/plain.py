"""Everything small: numpy arrays, bytes, and values that JSON can hold."""

from __future__ import annotations

import io
import typing
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.formats.kinds import bare, spell
from towpath.build.pipelines.formats.values import decode_record, encode_record
from towpath.core.digests import canonical_json
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.storage.blobs import BlobStore


class _OneBlob:
    """What formats of a single blob share."""

    name: str
    version = 1

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return the one blob."""
        del blobs
        return [artifact.digest]

    def _put(self, data: bytes, kind: Any, blobs: BlobStore) -> Artifact:
        return Artifact(
            digest=blobs.put(data),
            type=spell(kind),
            codec=f"{self.name}/{self.version}",
            size_bytes=len(data),
        )


class Arrays(_OneBlob):
    """`np.ndarray` as NPY. Arrays of Python objects are refused: they would need pickle."""

    name = "array"

    def takes(self, kind: Any) -> bool:
        """Tell whether it is `np.ndarray`, with or without a type."""
        kind = bare(kind)
        return kind is np.ndarray or typing.get_origin(kind) is np.ndarray

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Write the array in C order."""
        if not isinstance(value, np.ndarray) or value.dtype.hasobject:
            raise UsageError(
                f"it returned a {_name(value)} where {spell(kind)} is declared",
                remedy="Return an array of numbers, times or fixed-width text.",
            )
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(value), allow_pickle=False)
        return self._put(buffer.getvalue(), kind, blobs)

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read the array."""
        del kind, stack
        return np.load(io.BytesIO(blobs.get(artifact.digest)), allow_pickle=False)


class Bytes(_OneBlob):
    """`bytes`, as they are."""

    name = "bytes"

    def takes(self, kind: Any) -> bool:
        """Tell whether it is `bytes`."""
        return bare(kind) is bytes

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Store the bytes."""
        if not isinstance(value, bytes):
            raise UsageError(f"it returned a {_name(value)} where bytes is declared")
        return self._put(value, kind, blobs)

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read the bytes."""
        del kind, stack
        return blobs.get(artifact.digest)


class Values(_OneBlob):
    """Numbers, text, times, containers of them, dataclasses and `msgspec.Struct`s, as JSON."""

    name = "json"

    def takes(self, kind: Any) -> bool:
        """Return True: it is the format of last resort, and `save` is strict."""
        del kind
        return True

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Write canonical JSON."""
        return self._put(canonical_json(encode_record(value, "its result")), kind, blobs)

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read JSON; a record needs `kind` to become an object of its class again."""
        del stack
        return decode_record(msgspec.json.decode(blobs.get(artifact.digest)), bare(kind))


def _name(value: object) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"{type(value).__name__} of {dtype}"
