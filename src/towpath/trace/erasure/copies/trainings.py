"""Checkpoints of trainings that are spread over machines, and what such machines hold meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.compute.ray import training_storage
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies.finding import untold

if TYPE_CHECKING:
    from towpath.trace.erasure.copies.contract import About, FoundCopy

_CLUSTER = (
    "rows and checkpoints of steps that are running on a Ray cluster: they are in its memory, in its "
    "spill folders and beside the blobs until those steps end"
)

_WHOSE = "what trainings keep to go on from; whose rows made them can not be told"


class Trainings:
    """See `Copies`. What a checkpoint was learnt from can't be told from it, so all of them go.

    Args:
        blobs_url: The blob store that the checkpoints lie beside.
        on_ray: Whether steps of this home run on a cluster.
    """

    kind = "training_checkpoints"

    def __init__(self, blobs_url: str, *, on_ray: bool) -> None:
        self._blobs_url = blobs_url
        self._on_ray = on_ray

    def held(self, about: About) -> list[HeldCopy]:
        """Return all that are kept now, together."""
        del about
        kept = training_storage(self._blobs_url).kept()
        return [HeldCopy(kind=self.kind, name="trainings", count=len(kept))] if kept else []

    def find(self, about: About) -> list[FoundCopy]:
        """Return all that are kept: whose rows made them can not be told."""
        return untold(self.held(about), _WHOSE)

    def erase(self, about: About) -> None:
        """Delete every checkpoint; trainings that were lost begin afresh."""
        del about
        training_storage(self._blobs_url).purge()

    def beyond(self, about: About) -> list[str]:
        """Name what a cluster holds while a step runs."""
        del about
        return [_CLUSTER] if self._on_ray else []
