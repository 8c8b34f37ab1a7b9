"""A service's champion as a folder: what a gateway needs that never meets the home it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.assets.models import load_package
from towpath.core.digests import canonical_json, digest_bytes
from towpath.core.errors import Conflict, CorruptBlob, IntegrityError, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs.contract import BlobStore

MANIFEST: Final = "bundle.json"
_KIND = "service-bundle"
_FORMAT = 1
_OWN = "bundle"  # the project of routes that bundles made


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        service: The service's name.
        model: The model version, `model:late@3`.
        package: Its package's digest.
        files: Digests of everything that lies in `blobs/`.
    """

    service: str
    model: str
    package: str
    files: tuple[str, ...]


def write_bundle(
    ledger: Ledger, blobs: BlobStore, environment: str, service: str, folder: Path
) -> Bundle:
    """Write the champion of a service, with what its route says of it, into a folder.

    A bundle is a copy of a model where no erasure reaches it, so writing one is an event: `model.exported`.
    It holds no keys: subjects are hashed with those of the home that it is installed in.

    Args:
        ledger: Where the route is.
        blobs: Where the package is.
        environment: Whose route.
        service: The service's name.
        folder: Made if it is not there; the manifest is written last.

    Raises:
        NotFound: The environment serves no such service, or a file of its package is gone.
    """
    with ledger.read() as tx:
        route = tx.intents.find("route", environment)
    services: dict[str, Any] = {} if route is None else route.spec["services"]
    if service not in services:
        raise NotFound.named("service", service, services)
    spec = services[service]
    champion = next(arm for arm in spec["arms"] if arm["arm"] == "champion")
    alone = {
        **spec,
        "arms": [{**champion, "weight": 1.0}],
        "rollout": None,
        "stage": None,
        "previous": None,
        "left": None,
    }
    package = load_package(champion["package"], blobs)
    digests = tuple(dict.fromkeys((champion["package"], *package.files.values())))
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    for digest in digests:
        (folder / "blobs" / digest).write_bytes(blobs.get(digest))
    document = {
        "towpath": _KIND,
        "format": _FORMAT,
        "service": service,
        "route": alone,
        "files": list(digests),
    }
    with ledger.write() as tx:
        tx.events.append("model.exported", champion["model"], service=service)
    (folder / MANIFEST).write_bytes(canonical_json(document))
    return Bundle(
        service=service, model=champion["model"], package=champion["package"], files=digests
    )


def install_bundle(folder: Path, ledger: Ledger, blobs: BlobStore, environment: str) -> Bundle:
    """Put a bundle's model in the route of a home of its own. Idempotent; bundles of other services stay.

    Args:
        folder: The bundle; only read.
        ledger: Of a home that serves bundles and nothing else.
        blobs: Takes the bundle's files.
        environment: Whose route to write.

    Raises:
        NotFound: The folder holds no bundle, or a file of it is missing.
        CorruptBlob: A file is not what its digest says.
        IntegrityError: It is no bundle, or of a format that this version doesn't read.
        Conflict: The home has releases of its own, which decide what it serves.
    """
    document = _read(folder)
    files: tuple[str, ...] = tuple(document["files"])
    for digest in files:
        try:
            data = (folder / "blobs" / digest).read_bytes()
        except OSError as error:
            raise NotFound(f"the bundle {folder} lacks the file {digest}") from error
        if digest_bytes(data) != digest:
            raise CorruptBlob(f"the bundle's file {digest} was changed", digest=digest)
        blobs.put(data)
    service, wanted = document["service"], document["route"]
    load_package(wanted["arms"][0]["package"], blobs)
    with ledger.write(actor=_OWN) as tx:
        route = tx.intents.find("route", environment)
        if route is not None and route.project != _OWN:
            raise Conflict(
                f"the environment {environment!r} of this home has releases of its own",
                remedy="Install bundles into an empty home: --home FOLDER.",
            )
        services = {} if route is None else route.spec["services"]
        if services.get(service) != wanted:
            spec = {"environment": environment, "services": {**services, service: wanted}}
            tx.intents.put("route", environment, project=_OWN, spec=spec, due=False)
    arm = wanted["arms"][0]
    return Bundle(service=service, model=arm["model"], package=arm["package"], files=files)


def _read(folder: Path) -> dict[str, Any]:
    try:
        document: Any = msgspec.json.decode((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise NotFound(
            f"there is no bundle in {folder}", remedy="Make one: towpath bundle create SERVICE."
        ) from error
    except msgspec.DecodeError as error:
        raise IntegrityError(f"{folder / MANIFEST} is not JSON") from error
    if not isinstance(document, dict) or document.get("towpath") != _KIND:  # pyright: ignore[reportUnknownMemberType] -- read as it came
        raise IntegrityError(f"{folder} holds something else than a bundle")
    bundle: dict[str, Any] = document
    if bundle.get("format") != _FORMAT:
        raise IntegrityError(
            f"the bundle {folder} has format {bundle.get('format')!r}",
            remedy=f"This version reads format {_FORMAT}; use the one that wrote it.",
        )
    return bundle
