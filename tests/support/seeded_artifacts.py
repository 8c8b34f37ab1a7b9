"""A table that a step made, in the cache of a seeded home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import polars as pl

from towpath.build.pipelines.formats import save_value

if TYPE_CHECKING:
    from seeded_home import SeededHome


def seed_artifact(seeded: SeededHome) -> str:
    """Keep a table with a personal column as a finished step's result; return its digest."""
    rows = pl.DataFrame({"tailnum": ["N1", "N2"], "delay": [3.0, None], "hour": [7, 9]})
    artifact = save_value(rows, pl.DataFrame, seeded.services.blobs)
    with seeded.ledger.write() as tx:
        held = tx.cache.claim(
            "artifact-key",
            step="flights.prepare",
            parts={},
            run_id=seeded.runs[-1],
            owner="seed",
            lease_s=60,
        )
        kept = {"metrics": [], "params": {}, "log": None}
        outputs = {"artifacts": [msgspec.to_builtins(artifact)], **kept}
        tx.cache.fill("artifact-key", fence=held.fence, outputs=outputs)
    return artifact.digest
