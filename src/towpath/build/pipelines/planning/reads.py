"""Which rows a run was given: its windows of data sets, kept with the run so that rows are traced exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from towpath.core.clock import parse_time
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from towpath.build.pipelines.contract import Artifact

READS_TAG: Final = "reads"
_TAG_CHARS = 8_000


class Read(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One window of a data-set version.

    Attributes:
        ref: The version, as text.
        revision: Its revision when it was read.
        since: Start of the window in event time, inclusive, ISO 8601; None for no bound.
        until: End of the window, exclusive.
    """

    ref: str
    revision: int = 1
    since: str | None = None
    until: str | None = None

    @property
    def version(self) -> Ref:
        """The version as a reference."""
        return Ref.parse(self.ref, "dataset")

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """The bounds of the window."""
        since, until = (None if at is None else parse_time(at) for at in (self.since, self.until))
        return since, until


def encode_reads(pinned: Iterable[Artifact]) -> str:
    """Return what a run reads as the text of a tag; empty where it is too much to be kept as one."""
    reads = {
        Read(
            ref=one.meta["ref"],
            revision=one.meta["revision"],
            since=one.meta["since"],
            until=one.meta["until"],
        )
        for one in pinned
        if "manifest" in one.meta
    }
    ordered = sorted(reads, key=lambda read: (read.ref, read.since or "", read.until or ""))
    text = msgspec.json.encode(ordered).decode()
    return text if len(text) <= _TAG_CHARS else ""


def decode_reads(tags: Mapping[str, str]) -> tuple[Read, ...] | None:
    """Return what a run read; None of a run that doesn't say, which may have read all of its inputs."""
    text = tags.get(READS_TAG)
    return None if text is None else msgspec.json.decode(text, type=tuple[Read, ...])


__all__ = ["READS_TAG", "Read", "decode_reads", "encode_reads"]
