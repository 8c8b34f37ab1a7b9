"""Models: packages of their flavour's own safe format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.assets.models import Model, load_model, load_package, save_model
from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.formats.kinds import bare
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.ledger.records import Json
    from towpath.storage.blobs import BlobStore


class Models:
    """`Model`, as a package whose digest is the artefact's."""

    name = "model"
    version = 1

    def takes(self, kind: Any) -> bool:
        """Tell whether it is `Model`."""
        return bare(kind) is Model

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Store the package."""
        del kind
        if not isinstance(value, Model):
            raise UsageError(
                f"it returned a {type(value).__name__} where Model is declared",
                remedy="Wrap the estimator: Model.fit(estimator, features, outcome).",
            )
        return model_artifact(save_model(value, blobs), blobs)

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read the package."""
        del kind, stack
        return load_model(artifact.digest, blobs)

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return the manifest and every file it lists."""
        return _blobs(artifact.digest, blobs)


def model_artifact(digest: str, blobs: BlobStore, meta: Json | None = None) -> Artifact:
    """Return the artefact that stands for a stored package.

    Args:
        digest: The package.
        blobs: Where it is.
        meta: What else is known of it: `ref` for a package that is a registered version.
    """
    return Artifact(
        digest=digest,
        type="towpath.Model",
        codec=f"{Models.name}/{Models.version}",
        size_bytes=sum(blobs.size_bytes(one) for one in _blobs(digest, blobs)),
        meta=meta or {},
    )


def _blobs(digest: str, blobs: BlobStore) -> list[str]:
    return [digest, *load_package(digest, blobs).files.values()]
