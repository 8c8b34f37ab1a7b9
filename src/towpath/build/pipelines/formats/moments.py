"""Moments: the exact sums of a shard's rows, as JSON that is the same for the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.assets.models import Moments
from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.formats.kinds import bare
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.storage.blobs import BlobStore


class MomentsFormat:
    """`Moments`. Derived from rows as a table is, and erased as one."""

    name = "moments"
    version = 1

    def takes(self, kind: Any) -> bool:
        """Tell whether it is `Moments`."""
        return bare(kind) is Moments

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Store the sums."""
        del kind
        if not isinstance(value, Moments):
            raise UsageError(
                f"it returned a {type(value).__name__} where Moments is declared",
                remedy="Return Moments.of(features, outcome).",
            )
        data = value.encode()
        return Artifact(
            digest=blobs.put(data),
            type="towpath.Moments",
            codec=f"{self.name}/{self.version}",
            size_bytes=len(data),
            meta={"rows": value.rows},
        )

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read the sums."""
        del kind, stack
        return Moments.decode(blobs.get(artifact.digest))

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return the one blob."""
        del blobs
        return [artifact.digest]
