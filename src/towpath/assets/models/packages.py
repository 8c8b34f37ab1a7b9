"""Model packages: a manifest blob that lists the blobs of a model's files."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Self

import msgspec

from towpath.assets.models.contract import Arrangement, Signature, TensorSpec
from towpath.assets.models.execution import NATIVE, Execution
from towpath.assets.models.flavours import FORMATS
from towpath.assets.models.inputs import Inputs
from towpath.assets.models.model import Model
from towpath.core.digests import canonical_json
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours import Form
    from towpath.ledger.records import Json
    from towpath.storage.blobs.contract import BlobStore

FORMAT_VERSION = 2
_BEFORE_COMPILED = 1  # what packages without a compiled form are written as
_WHOLE = Arrangement()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The manifest of a packaged model, as it lies in the blob store as canonical JSON.

    Attributes:
        flavour: Which format the files are in.
        form: What the estimator is called with.
        task: What it foretells.
        inputs: Its columns and their category levels.
        outcome: The column that holds the truth.
        output: Name of the answer.
        files: File name to the digest of its bytes.
        library: Name and version of the library that wrote the files.
        arrangement: How rows hang together when the model is judged.
        execution: Which form of the model answers.
    """

    flavour: Flavour
    form: Form
    task: Task
    inputs: Inputs
    outcome: str
    output: str
    files: Mapping[str, str]
    library: str
    arrangement: Arrangement = _WHOLE
    execution: Execution = NATIVE

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return Signature(
            inputs=self.inputs.columns, outputs=(TensorSpec(name=self.output, datatype="FP64"),)
        )

    def encode(self) -> bytes:
        """Return the manifest's bytes; their digest names the package."""
        document: Json = {
            "format": FORMAT_VERSION if self.execution.file else _BEFORE_COMPILED,
            "flavour": self.flavour,
            "form": self.form,
            "task": self.task,
            "inputs": self.inputs.to_json(),
            "outcome": self.outcome,
            "output": self.output,
            "files": dict(self.files),
            "library": self.library,
        }
        if self.arrangement != _WHOLE:
            document["arrangement"] = self.arrangement.to_json()
        if self.execution != NATIVE:
            document["execution"] = self.execution.to_json()
        return canonical_json({"towpath": "model-package", **document})

    @classmethod
    def decode(cls, data: bytes, digest: str) -> Self:
        """Read a manifest.

        Raises:
            IntegrityError: It is not a manifest, or of a format or flavour this version doesn't know.
        """
        try:
            document: Any = msgspec.json.decode(data)
        except msgspec.DecodeError:
            document = None
        if not isinstance(document, dict) or document.get("towpath") != "model-package":
            raise IntegrityError(f"the blob {digest} is not a model package", digest=digest)
        manifest: Json = document
        if manifest.get("format") not in (_BEFORE_COMPILED, FORMAT_VERSION):
            raise IntegrityError(
                f"the model package {digest} has format {manifest.get('format')!r}",
                remedy=f"This version reads formats up to {FORMAT_VERSION}; use the one that wrote it.",
                digest=digest,
            )
        if manifest.get("flavour") not in FORMATS:
            raise IntegrityError(
                f"the model package {digest} is of the unknown flavour {manifest.get('flavour')!r}",
                remedy=f"Known: {', '.join(FORMATS)}.",
                digest=digest,
            )
        try:
            return cls(
                flavour=manifest["flavour"],
                form=manifest["form"],
                task=manifest["task"],
                inputs=Inputs.from_json(manifest["inputs"]),
                outcome=manifest["outcome"],
                output=manifest["output"],
                files=manifest["files"],
                library=manifest["library"],
                arrangement=Arrangement.from_json(manifest["arrangement"])
                if "arrangement" in manifest
                else _WHOLE,
                execution=Execution.from_json(manifest.get("execution", {})),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"the model package {digest} is incomplete: {error!r}", digest=digest
            ) from error


def save_model(model: Model, blobs: BlobStore) -> str:
    """Store a model and return its package's digest. The same model gives the same digest.

    The files go first and the manifest last, so a package that can be named is whole.

    Raises:
        UsageError: The estimator holds something that can't be kept safely.
    """
    files = FORMATS[model.flavour].dump(model.estimator)
    package = Package(
        flavour=model.flavour,
        form=model.form,
        task=model.task,
        inputs=model.inputs,
        outcome=model.outcome,
        output=model.output,
        files={name: blobs.put(data) for name, data in files.items()},
        library=_library(model.flavour),
        arrangement=model.arrangement,
    )
    return blobs.put(package.encode())


def load_package(digest: str, blobs: BlobStore) -> Package:
    """Read a package's manifest.

    Raises:
        NotFound: There is no such blob.
        CorruptBlob: Its bytes were changed.
        IntegrityError: It is not a package that this version can read.
    """
    return Package.decode(blobs.get(digest), digest)


def load_files(package: Package, blobs: BlobStore) -> dict[str, bytes]:
    """Read the files of the library that trained it, each checked against its digest."""
    compiled = package.execution.file
    return {name: blobs.get(digest) for name, digest in package.files.items() if name != compiled}


def load_model(digest: str, blobs: BlobStore) -> Model:
    """Read a packaged model back, for steps that go on working with it.

    Raises:
        NotFound: There is no such package, or one of its files is gone.
        CorruptBlob: Its bytes were changed.
        IntegrityError: It is not a package, or names what must not be loaded.
    """
    package = load_package(digest, blobs)
    estimator = FORMATS[package.flavour].load(load_files(package, blobs))
    return Model(
        estimator,
        inputs=package.inputs,
        outcome=package.outcome,
        task=package.task,
        output=package.output,
        group=package.arrangement.group,
        time=package.arrangement.time,
        season=package.arrangement.season,
    )


def _library(flavour: Flavour) -> str:
    name = FORMATS[flavour].library
    for distribution in (name, f"{name}-cpu"):  # some come under another name for each accelerator
        try:
            return f"{name} {version(distribution)}"
        except PackageNotFoundError:
            continue
    return name  # vendored or built by hand
