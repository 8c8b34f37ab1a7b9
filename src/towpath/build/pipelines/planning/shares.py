"""Which shares of data sets a step was given and nothing else of them: what an erasure may leave alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from towpath.assets.datasets.scanning import load_manifest, selection_digest
from towpath.core.clock import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.build.pipelines.contract import Artifact
    from towpath.storage.blobs.contract import BlobStore

SHARES_TAG: Final = "shares"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One share of a version as a step read it.

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


def encode_shares(inputs: Iterable[Artifact]) -> str:
    """Return the text of a step's tag; empty for one that reads no share, or a version whole."""
    read = [one for one in inputs if "manifest" in one.meta]
    if not read or any("part" not in one.meta for one in read):
        return ""
    shares = [
        Share(
            ref=one.meta["ref"],
            part=tuple(one.meta["part"]),
            since=one.meta["since"],
            until=one.meta["until"],
            digest=one.digest,
        )
        for one in read
    ]
    return msgspec.json.encode(shares).decode()


def decode_shares(tags: Mapping[str, str]) -> tuple[Share, ...]:
    """Return what a step's tag says; nothing where it may have read anything."""
    text = tags.get(SHARES_TAG)
    return () if not text else msgspec.json.decode(text, type=tuple[Share, ...])


def is_unchanged(share: Share, manifest: str, blobs: BlobStore) -> bool:
    """Tell whether a manifest has in this share the very rows that were read.

    By the digest of the files, so it takes no key and no name to say that an erasure left them alone.
    """
    since, until = (None if at is None else parse_time(at) for at in (share.since, share.until))
    mine = load_manifest(blobs, manifest).shard(share.part)
    return selection_digest(mine, since=since, until=until) == share.digest


__all__ = ["SHARES_TAG", "Share", "decode_shares", "encode_shares", "is_unchanged"]
