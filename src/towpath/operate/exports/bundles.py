"""A service's champion as a folder: what a gateway needs that never meets the home it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from towpath.assets.models import load_package, verify_attestation
from towpath.assets.models.attestation import attest, verify_statement
from towpath.core.digests import canonical_json, digest_bytes
from towpath.core.errors import Conflict, CorruptBlob, IntegrityError, NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring

MANIFEST: Final = "bundle.json"
_KIND = "service-bundle"
_FORMAT = 1
_OWN = "bundle"  # the project of routes that bundles made


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        service: The service's name.
        origin: The model version that was exported, `model:late@3`.
        model: What it is called in the home where the bundle lies or is installed: a home that serves
            bundles numbers versions itself.
        package: The package's digest.
        files: Digests of everything that lies in `blobs/`.
    """

    service: str
    origin: str
    model: str
    package: str
    files: tuple[str, ...]


def write_bundle(
    ledger: Ledger,
    blobs: BlobStore,
    keyring: Keyring,
    *,
    environment: str,
    service: str,
    folder: Path,
) -> Bundle:
    """Write the champion of a service, with what its route says of it, into a folder.

    The version's signed body goes along, with the key that checks it. A bundle is a copy of a model where no erasure reaches it, so writing one is an event: `model.exported`.
    It holds no secret: subjects are hashed with the keys of the home that it is installed in.

    Args:
        ledger: Where the route is.
        blobs: Where the package is.
        keyring: Signed the version.
        environment: Whose route.
        service: The service's name.
        folder: Made if it is not there; the manifest is written last.

    Raises:
        NotFound: The environment serves no such service, its model version is not registered, or a file of
            its package is gone.
        IntegrityError: The version is not what was signed.
    """
    alone = _champion_alone(ledger, environment, service)
    champion = alone["arms"][0]
    ref = Ref.parse(champion["model"], "model")
    with ledger.read() as tx:
        version = tx.versions.get(ref)
    verify_attestation(version, keyring.public_keys_pem)
    package = load_package(champion["package"], blobs)
    kept = (champion["package"], version.body.get("reference"), *package.files.values())
    digests = tuple(dict.fromkeys(digest for digest in kept if digest))
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    for digest in digests:
        (folder / "blobs" / digest).write_bytes(blobs.get(digest))
    document = {
        "towpath": _KIND,
        "format": _FORMAT,
        "service": service,
        "route": alone,
        "version": {
            "ref": str(ref),
            "body": version.body,
            "public_key": keyring.public_keys_pem.decode(),
        },
        "files": list(digests),
    }
    with ledger.write() as tx:
        tx.events.append("model.exported", champion["model"], service=service)
    (folder / MANIFEST).write_bytes(canonical_json(document))
    return Bundle(
        service=service,
        origin=str(ref),
        model=str(ref),
        package=champion["package"],
        files=digests,
    )


def _champion_alone(ledger: Ledger, environment: str, service: str) -> dict[str, Any]:
    """Return a service's route with nothing in it but its champion."""
    with ledger.read() as tx:
        route = tx.intents.find("route", environment)
    services: dict[str, Any] = {} if route is None else route.spec["services"]
    if service not in services:
        raise NotFound.named("service", service, services)
    spec = services[service]
    champion = next(arm for arm in spec["arms"] if arm["arm"] == "champion")
    return {
        **spec,
        "arms": [{**champion, "weight": 1.0}],
        "rollout": None,
        "stage": None,
        "previous": None,
        "left": None,
    }


def install_bundle(
    folder: Path, ledger: Ledger, blobs: BlobStore, keyring: Keyring, environment: str
) -> Bundle:
    """Put a bundle's model in the route of a home of its own. Idempotent; bundles of other services stay.

    The origin's signature is checked against the key that came along, which proves that nothing was changed
    on the way, not who made it: compare `key_id` where that matters. The version is then registered under
    this home's own numbers and signed with its key; its body names the origin.

    Args:
        folder: The bundle; only read.
        ledger: Of a home that serves bundles and nothing else.
        blobs: Takes the bundle's files.
        keyring: Signs for the home.
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
    origin, body = _vouched(folder, document["version"])
    service, wanted = document["service"], document["route"]
    load_package(body["package"], blobs)
    with ledger.write(actor=_OWN) as tx:
        route = tx.intents.find("route", environment)
        if route is not None and route.project != _OWN:
            raise Conflict(
                f"the environment {environment!r} of this home has releases of its own",
                remedy="Install bundles into an empty home: --home FOLDER.",
            )
        ref = _registered(tx, origin, body, keyring)
        arm = {**wanted["arms"][0], "model": str(ref), "package": body["package"]}
        wanted = {**wanted, "arms": [arm]}
        services = {} if route is None else route.spec["services"]
        if services.get(service) != wanted:
            spec = {"environment": environment, "services": {**services, service: wanted}}
            tx.intents.put("route", environment, project=_OWN, spec=spec, due=False)
    return Bundle(
        service=service,
        origin=str(origin),
        model=str(ref),
        package=body["package"],
        files=files,
    )


def _vouched(folder: Path, version: dict[str, Any]) -> tuple[Ref, dict[str, Any]]:
    """Return the exported version and what it says, once its signature fits."""
    try:
        origin = Ref.parse(version["ref"], "model")
        verify_statement(origin, version["body"], version["public_key"].encode())
    except (KeyError, ValueError, AttributeError) as error:
        raise IntegrityError(f"nothing vouches for the model of the bundle {folder}") from error
    return origin, version["body"]


def _registered(tx: Transaction, origin: Ref, body: dict[str, Any], keyring: Keyring) -> Ref:
    """Return the origin's version in this home, registered now if it is not yet."""
    key_id = body["attestation"]["key_id"]
    signed = {key: value for key, value in body.items() if key != "attestation"}
    signed["origin"] = {"ref": str(origin), "key_id": key_id}
    latest = tx.versions.latest("model", origin.name)
    for one in tx.versions.list("model", origin.name) if latest is not None else ():
        if one.body.get("origin") == signed["origin"] and one.digest == body["package"]:
            return one.ref
    if latest is None:
        tx.versions.declare("model", origin.name, project=_OWN)
    number = 0 if latest is None or latest.ref.version is None else latest.ref.version
    ref = Ref("model", origin.name, number + 1)
    tx.versions.commit(
        "model",
        origin.name,
        digest=body["package"],
        body={**signed, "attestation": attest(ref, signed, keyring)},
        state="approved",
        expected=number,
    )
    return ref


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
