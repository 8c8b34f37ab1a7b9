"""Which shards of data sets a step was given and nothing else of them: what an erasure may leave alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from towpath.assets.datasets.scanning import load_manifest, selection_digest
from towpath.core.clock import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.build.pipelines.contract import Artifact
    from towpath.storage.blobs.contract import BlobStore

SHARDS_TAG: Final = "shards"


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One shard of a version as a step read it.

    Attributes:
        ref: The version, as text.
        part: Index and count.
        since: Start of the window, ISO 8601; None for no bound.
        until: End of the window.
        digest: Stands for exactly the rows that were read.
    """

    ref: str
    part: tuple[int, int]
    since: str | None
    until: str | None
    digest: str


def encode_shards(inputs: Iterable[Artifact]) -> str:
    """Return the text of a step's tag; empty for one that reads no shard, or a version whole."""
    read = [one for one in inputs if "manifest" in one.meta]
    if not read or any("part" not in one.meta for one in read):
        return ""
    shards = [
        Shard(
            ref=one.meta["ref"],
            part=tuple(one.meta["part"]),
            since=one.meta["since"],
            until=one.meta["until"],
            digest=one.digest,
        )
        for one in read
    ]
    return msgspec.json.encode(shards).decode()


def decode_shards(tags: Mapping[str, str]) -> tuple[Shard, ...]:
    """Return what a step's tag says; nothing where it may have read anything."""
    text = tags.get(SHARDS_TAG)
    return () if not text else msgspec.json.decode(text, type=tuple[Shard, ...])


def is_unchanged(shard: Shard, manifest: str, blobs: BlobStore) -> bool:
    """Tell whether a manifest has in this shard the very rows that were read.

    By the digest of the files, so it takes no key and no name to say that an erasure left them alone.
    """
    since, until = (None if at is None else parse_time(at) for at in (shard.since, shard.until))
    mine = load_manifest(blobs, manifest).shard(shard.part)
    return selection_digest(mine, since=since, until=until) == shard.digest


__all__ = ["SHARDS_TAG", "Shard", "decode_shards", "encode_shards", "is_unchanged"]
