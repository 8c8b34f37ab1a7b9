"""Observations of feature views: read from the view's layout where that is fresh, else its source."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from towpath.assets.features.observing import Observed, observation_meta, observed
from towpath.build.pipelines.formats.kinds import bare
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.assets.features import FeaturePin
    from towpath.assets.features.observing import Observations
    from towpath.build.pipelines.contract import Artifact
    from towpath.storage.blobs import BlobStore


class ObservationsFormat:
    """What a join looks into. Only read: the bytes belong to the data set and to the view.

    The digest is that of the selection of the source: which layout there is, and whether there is
    one, changes how quickly a join is done and nothing about its result.
    """

    name = "observations"
    version = 1

    def takes(self, kind: Any) -> bool:
        """Tell whether it is `Observed`."""
        return bare(kind) is Observed

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Refuse."""
        del value, kind, blobs
        raise UsageError("observations of a feature view are pinned, not saved")

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Observed:
        """Return something to join with; nothing is read yet."""
        del kind, stack
        return observed(blobs, artifact.meta)

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return nothing: the data set owns its files, and a layout can be gone."""
        del artifact, blobs
        return []


def observation_artifact(
    selection: Artifact, observations: Observations, pin: FeaturePin | None
) -> Artifact:
    """Return the artefact that stands for a view's observations in a pinned window of its source."""
    return dataclasses.replace(
        selection,
        type="towpath.Observed",
        codec=f"{ObservationsFormat.name}/{ObservationsFormat.version}",
        meta={**selection.meta, **observation_meta(observations, pin)},
    )
