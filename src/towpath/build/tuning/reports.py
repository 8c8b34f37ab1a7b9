"""What a finished search leaves behind: every trial, and which of them are in the pool."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from towpath.build.pipelines.formats import save_value
from towpath.build.pipelines.formats.values import decode_value
from towpath.build.tuning.contract import Trial  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from towpath.build.pipelines import Artifact
    from towpath.ledger.records import Run
    from towpath.storage.blobs import BlobStore


class SearchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished search keeps as an artefact, beside its best results.

    Attributes:
        search: Identity of the search: equal for equal code, data, space and way of searching.
        trials: Every trial, by number.
        ranking: Numbers of the trials in the pool, best first.
        front: Numbers of the trials that no other one beats in every objective.
    """

    search: str
    trials: list[Trial]
    ranking: list[int]
    front: list[int]

    def save(self, blobs: BlobStore) -> Artifact:
        """Keep it as an artefact."""
        fields = {
            "search": self.search,
            "trials": [asdict(trial) for trial in self.trials],
            "ranking": self.ranking,
            "front": self.front,
        }
        return save_value(fields, dict, blobs)


def read_report(search_run: Run, blobs: BlobStore) -> SearchReport | None:
    """Return what a finished search kept; None for one that did not finish.

    Raises:
        NotFound: The report is gone.
        CorruptBlob: Its bytes were changed.
    """
    if "report" not in search_run.tags:
        return None
    fields = decode_value(msgspec.json.decode(blobs.get(search_run.tags["report"])))
    return msgspec.convert(fields, SearchReport)
