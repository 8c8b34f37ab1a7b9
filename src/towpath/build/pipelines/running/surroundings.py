"""What all the runs of one runner work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.build.capacity import Permits, ResumePoints
    from towpath.build.compute import Executor
    from towpath.build.pipelines.running.leases import LeaseKeeper
    from towpath.build.pipelines.working.scratch import Scratch
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every run of a runner shares.

    Attributes:
        blobs_url: The same store as `blobs`, as step processes open it.
        permits: Who decides when an attempt may start.
        points: Where steps that save their state would carry on.
    """

    ledger: Ledger
    blobs: BlobStore
    blobs_url: str
    cache_dir: Path | None
    executor: Executor
    leases: LeaseKeeper
    scratch: Scratch
    permits: Permits
    points: ResumePoints
