"""What a format promises: Python values to bytes in the blob store, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.build.pipelines.contract import Artifact
    from towpath.storage.blobs import BlobStore


class Format(Protocol):
    """One way to keep values of some types. Equal values give equal bytes, on any machine."""

    @property
    def name(self) -> str:
        """With `version` it makes the `codec` of an artefact, `table/1`."""
        ...

    @property
    def version(self) -> int:
        """Rises when the bytes change; cached results of the old one are not used any more."""
        ...

    def takes(self, kind: Any) -> bool:
        """Tell whether values annotated as `kind` are kept in this format."""
        ...

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Store a value.

        Raises:
            UsageError: It is not what `kind` says, or holds something that can't be kept.
        """
        ...

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Return the value as a `kind`, or in its natural type when that is None or `Any`.

        Files that the value reads lazily stay open on `stack`.
        """
        ...

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return the digest of every blob that the artefact needs and no data set owns.

        Raises:
            NotFound: The first of them is gone.
        """
        ...
