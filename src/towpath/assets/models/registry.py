"""The registry: model versions in the ledger, from candidate to deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import structlog

from towpath.assets.models.attestation import attest, verify_attestation
from towpath.assets.models.cards import model_card
from towpath.assets.models.family import TUNED
from towpath.assets.models.packages import load_package
from towpath.core.digests import digest_json
from towpath.core.errors import Conflict, CorruptBlob
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring

_log = structlog.get_logger()
_WEIGHED = ("approved", "rejected")
_LIVING = ("candidate", "approved", "rejected", "condemned", "retired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a model version pins, besides the number that the registry gives it.

    Attributes:
        name: The model's name.
        project: The project that proposes it.
        package: Digest of the package.
        run: Id of the pipeline run that made it.
        pipeline: The pipeline's name.
        params: Its parameters.
        code: The version of the project's code.
        datasets: Every data-set version it was made from.
        lock: Digest of the list of installed distributions.
        conditions: Digest of what it was weighed under: package, test rows and demands.
        champion: The model version it was weighed against, if there was one.
        parent: The model version that it was fine-tuned from, if it was.
        metrics: Its metrics on the test rows.
        gates: One entry per gate: `gate`, `verdict`, `summary`, `evidence`.
        verdict: The gates' joint verdict; anything but `pass` rejects it.
        report: Digest of the report (Markdown).
        reference: Digest of the reference that monitors compare live traffic with.
    """

    name: str
    project: str
    package: str
    run: str
    pipeline: str
    params: Mapping[str, Any]
    code: Ref
    datasets: tuple[Ref, ...]
    lock: str
    conditions: str
    champion: Ref | None
    parent: Ref | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    gates: tuple[Mapping[str, Any], ...] = ()
    verdict: Literal["pass", "fail", "inconclusive"]
    report: str
    reference: str


class ModelRegistry:
    """Registers, attests, verifies and deletes model versions. Thread-safe, as its parts are.

    A version is a `candidate` only inside the transaction that also approves or rejects it; later an
    erasure may make it `condemned`, its replacement makes it `retired`, and at the end it is `deleted`:
    the ledger keeps what it was, and the bytes are gone.
    """

    def __init__(self, ledger: Ledger, blobs: BlobStore, keyring: Keyring) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring

    def register(self, registration: Registration) -> Version:
        """Add, sign and approve or reject the next version of a model, in one transaction.

        Raises:
            NotFound: The package is not in the blob store.
            Conflict: The model's name belongs to another project; or its parent learned from rows that
                are being erased, and so has it.
        """
        body = self._body(registration)
        reason = f"gates: {registration.verdict}"
        state = "approved" if registration.verdict == "pass" else "rejected"
        with self._ledger.write() as tx:
            latest = self._latest(tx, registration)
            _check_parent(tx, registration.parent)
            ref = Ref("model", registration.name, latest + 1)
            version = tx.versions.commit(
                ref.kind,
                ref.name,
                digest=registration.package,
                body={**body, "attestation": attest(ref, body, self._keyring)},
                state="candidate",
                expected=latest,
                made_by=registration.run,
            )
            version = tx.versions.set_state(ref, state, reason=reason, expect=["candidate"])
            if registration.parent is not None:
                tx.graph.link(ref, TUNED, registration.parent)
        _log.info("model.registered", model=str(ref), state=state, package=registration.package)
        return version

    def weighed(self, name: str, conditions: str, champion: Ref | None) -> Version | None:
        """Return the version that was already weighed under these conditions.

        The champion itself counts: proposing it again is not a new model. Condemned and retired
        versions don't, or an erasure could never replace what it condemned.
        """
        with self._ledger.read() as tx:
            versions = tx.versions.list("model", name, states=_WEIGHED, limit=None)
        against = None if champion is None else str(champion)
        for version in versions:
            same = version.body["conditions"] == conditions
            if same and (version.body["champion"] == against or version.ref == champion):
                return version
        return None

    def verify(self, ref: Ref) -> Version:
        """Check a version's signature and read every byte of its package.

        Raises:
            IntegrityError: The signature does not fit.
            NotFound: A blob of the package is gone; expected of a `deleted` version.
            CorruptBlob: Bytes of the package were changed.
        """
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        verify_attestation(version, self._keyring.public_keys_pem)
        if dict(load_package(version.digest, self._blobs).files) != version.body["files"]:
            raise CorruptBlob(f"the package of {ref} lists other files than were signed")
        for digest in version.body["files"].values():
            self._blobs.get(digest)
        return version

    def delete_bytes(self, ref: Ref) -> tuple[str, ...]:
        """Delete a version's package and reference, and mark it `deleted`. Idempotent, resumable.

        Blobs that a version in any other state also needs are left to it. The state moves first, so
        that a crash leaves bytes that nobody may use, never a version without its bytes.

        Returns:
            Digests of the blobs that this call removed.
        """
        with self._ledger.write() as tx:
            version = tx.versions.get(ref)
            tx.versions.set_state(version.ref, "deleted", reason="its bytes were deleted")
            kept = {
                digest
                for other in tx.versions.list("model", states=_LIVING, limit=None)
                if other.ref != version.ref
                for digest in _blobs_of(other)
            }
        gone = tuple(
            digest
            for digest in _blobs_of(version)
            if digest not in kept and self._blobs.delete(digest)
        )
        _log.info("model.deleted", model=str(version.ref), blobs=len(gone))
        return gone

    def card(self, ref: Ref) -> str:
        """Return the model card (Markdown), written from what the ledger knows now."""
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
            sources = [Ref.parse(text) for text in version.body["datasets"]]
            datasets = [found for one in sources if (found := tx.versions.find(one)) is not None]
        return model_card(version, datasets)

    def report(self, ref: Ref) -> str:
        """Return the report of the gates (Markdown) that decided about a version."""
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        return self._blobs.get(version.body["report"]).decode()

    def _body(self, registration: Registration) -> Json:
        """Return the version's body without its signature."""
        package = load_package(registration.package, self._blobs)
        champion = registration.champion
        return {
            "package": registration.package,
            "files": dict(package.files),
            "flavour": package.flavour,
            "library": package.library,
            "execution": str(package.execution),
            "task": package.task,
            "outcome": package.outcome,
            "signature": package.signature.to_json(),
            "metrics": dict(registration.metrics),
            "gates": [dict(entry) for entry in registration.gates],
            "verdict": registration.verdict,
            "report": registration.report,
            "reference": registration.reference,
            "run": registration.run,
            "project": registration.project,
            "pipeline": registration.pipeline,
            "params": dict(registration.params),
            "code": str(registration.code),
            "datasets": [str(ref) for ref in registration.datasets],
            "champion": None if champion is None else str(champion),
            "parent": None if registration.parent is None else str(registration.parent),
            "conditions": registration.conditions,
            "lock": registration.lock,
        }

    def _latest(self, tx: Transaction, registration: Registration) -> int:
        """Return the model's latest number, declaring the model when it is new."""
        latest = tx.versions.latest("model", registration.name)
        if latest is None:
            tx.versions.declare("model", registration.name, project=registration.project)
            return 0
        if latest.project != registration.project:
            raise Conflict(
                f"the model {registration.name!r} belongs to the project {latest.project!r}",
                remedy="Give the candidate another name.",
            )
        assert latest.ref.version is not None
        return latest.ref.version


def conditions_digest(package: str, test: str, demands: object, parent: Ref | None = None) -> str:
    """Return the digest of what a model is weighed under: its package, test rows and demands.

    A parent is one of the conditions, since gates may hold a model against it.
    """
    conditions = {"package": package, "test": test, "demands": demands}
    return digest_json(conditions if parent is None else {**conditions, "parent": str(parent)})


def _check_parent(tx: Transaction, parent: Ref | None) -> None:
    state = "approved" if parent is None else tx.versions.get(parent).state
    if state in ("condemned", "deleted"):
        raise Conflict(
            f"{parent}, which the model was fine-tuned from, was {state} meanwhile",
            remedy="Run it again: it goes on from what replaced its parent.",
        )


def _blobs_of(version: Version) -> tuple[str, ...]:
    """Return the blobs that hold a version's bytes, the manifest last."""
    body = version.body
    return (*body["files"].values(), body["reference"], body["package"])
