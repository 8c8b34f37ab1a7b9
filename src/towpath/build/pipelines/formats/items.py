"""Members of a list that a step returned: each an input of its own, and none of them copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.formats.kinds import bare
from towpath.build.pipelines.formats.values import decode_record
from towpath.core.digests import canonical_json, digest_bytes
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.storage.blobs import BlobStore


class Items:
    """One member of a list that is kept as JSON. Only read: the bytes are those of the list.

    The digest is that of the member itself, so that a call for it is found again wherever in whichever
    list it stands. `meta` holds the list's digest, under `manifest` as for a data set, so that an
    erasure that takes the list finds what was made from its members.
    """

    name = "item"
    version = 1

    def takes(self, kind: Any) -> bool:
        """Return False: no step returns one."""
        del kind
        return False

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Refuse."""
        del value, kind, blobs
        raise UsageError("a member of a list is kept with the list")

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read the member out of its list."""
        del stack
        encoded = msgspec.json.decode(blobs.get(artifact.meta["manifest"]))
        return decode_record(_members(encoded)[artifact.meta["index"]], bare(kind))

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return the list's blob."""
        del blobs
        return [artifact.meta["manifest"]]


def item_artifacts(whole: Artifact, blobs: BlobStore) -> list[Artifact]:
    """Return what stands for each member of a list or tuple, in order. Reads the list once.

    Raises:
        UsageError: It is neither.
    """
    encoded = msgspec.json.decode(blobs.get(whole.digest))
    made: list[Artifact] = []
    for index, member in enumerate(_members(encoded)):
        data = canonical_json(member)
        made.append(
            Artifact(
                digest=digest_bytes(data),
                type=whole.type,
                codec=f"{Items.name}/{Items.version}",
                size_bytes=len(data),
                meta={"ref": str(whole.ref), "manifest": whole.digest, "index": index},
            )
        )
    return made


def _members(encoded: Any) -> list[Any]:
    if isinstance(encoded, dict):
        encoded = cast("dict[str, Any]", encoded).get("$tuple")
    if not isinstance(encoded, list):
        raise UsageError(
            "what is mapped over is not a list", remedy="Return a list from the step before."
        )
    return cast("list[Any]", encoded)
