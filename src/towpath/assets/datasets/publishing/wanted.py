"""What a publication should hold: which versions, under which names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from towpath.assets.datasets.catalogue import READY
from towpath.assets.datasets.lines import living_branches
from towpath.core.digests import digest_bytes
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

MAIN = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the ledger says should be published.

    Attributes:
        versions: The versions, oldest first; of the trunk, and heads of branches.
        trunk: The trunk's versions among them, newest first.
        tags: Tags of the table, by name.
        branches: Branches of the table besides `main`, by name.
        size: How many events the log had.
    """

    versions: tuple[Version, ...]
    trunk: tuple[Version, ...]
    tags: Mapping[str, Ref]
    branches: Mapping[str, Ref]
    size: int

    @classmethod
    def read(cls, tx: Transaction, dataset: str, *, last: int) -> Wanted:
        """Read it off the ledger.

        Raises:
            NotFound: The data set has no version.
        """
        tx.versions.get(Ref("dataset", dataset))
        trunk = tx.versions.list("dataset", dataset, states=[READY], limit=last)
        aliases = tx.versions.aliases("dataset", dataset)
        there = {version.ref.version for version in trunk}
        tagged = [
            tx.versions.get(Ref("dataset", dataset, number))
            for number in sorted(set(aliases.values()) - there)
        ]
        trunk = [*trunk, *reversed(tagged)]
        heads = [
            tx.versions.get(Ref("dataset", asset.name)) for asset in living_branches(tx, dataset)
        ]
        tags = {name: Ref("dataset", dataset, number) for name, number in aliases.items()}
        tags |= {f"v{version.ref.version}": version.ref for version in trunk}
        return cls(
            versions=tuple(_by_age([*trunk, *heads])),
            trunk=tuple(trunk),
            tags={name: ref for name, ref in tags.items() if name != MAIN},
            branches={
                name: head.ref
                for head in heads
                if (name := head.ref.branch or "") not in tags and name != MAIN
            },
            size=tx.events.size(),
        )


def snapshot_id(version: Version) -> int:
    """Return the id of a version's content: publishing it twice makes one snapshot.

    63 bits of a digest of reference and content, so that an erasure's new revision is a new snapshot.
    """
    digest = digest_bytes(f"{version.ref} {version.digest}".encode())
    return int(digest[:16], 16) >> 1


def _by_age(versions: Sequence[Version]) -> list[Version]:
    return sorted(versions, key=lambda version: (version.created_at, version.ref))
