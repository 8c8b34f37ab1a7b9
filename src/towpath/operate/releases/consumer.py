"""The declaration of a consumer, and its versions in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from towpath.core.contracts import Contract, ServiceVersion
from towpath.core.digests import digest_bytes, digest_json
from towpath.core.errors import Conflict, InvalidName, NotFound, UsageError
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

KIND: Final = "consumer"


@dataclass(frozen=True, slots=True)
class Consumer:
    """A program of the product that asks services, in the version that the project knows.

    Attributes:
        name: Its name, `checkout-web`.
        version: Its version, `2.4.1`. A version's contracts never change; raise it to change them.
        contracts: What it needs, one for each service that it asks.
        description: One line for people.
    """

    name: str
    version: str = field(kw_only=True)
    contracts: Sequence[Contract] = field(default=(), kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what can't be stated, and two contracts with one service."""
        ServiceVersion(self.name, self.version)
        services = [one.service for one in self.contracts]
        if len(set(services)) < len(services):
            raise UsageError(
                f"consumer {self.name!r} has two contracts with one service",
                remedy="Put what it needs of a service into one contract.",
            )

    @property
    def service_version(self) -> ServiceVersion:
        """How this version states itself."""
        return ServiceVersion(self.name, self.version)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads: also what a version's body in the ledger holds."""
        return {
            "consumer": self.name,
            "version": self.version,
            "contracts": [one.to_json() for one in self.contracts],
            "description": self.description,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Consumer:
        """Read a consumer's version, as a file or a program says it.

        Raises:
            UsageError: It is not one.
        """
        contracts = data.get("contracts", ())
        if not {"consumer", "version"} <= set(data) or not isinstance(contracts, (list, tuple)):
            raise UsageError(
                "a consumer's version has its name, its version and a list of contracts",
                remedy='For example {"consumer": "checkout-web", "version": "2.4.1", "contracts": []}.',
            )
        return cls(
            str(data["consumer"]),
            version=str(data["version"]),
            contracts=tuple(Contract.from_json(one) for one in contracts),
            description=str(data.get("description", "")),
        )


def register(tx: Transaction, consumer: Consumer, *, project: str) -> Version:
    """Record a consumer's version, unless it is recorded already.

    Raises:
        Conflict: It is, with other contracts; or the consumer belongs to another project.
    """
    said = consumer.service_version
    body = consumer.to_json()
    digest = digest_json({**body, "description": ""})
    known = find_consumer(tx, said)
    if known is None:
        tx.versions.declare(KIND, consumer.name, project=project, description=consumer.description)
        version = tx.versions.commit(KIND, consumer.name, digest=digest, body=body)
        tx.versions.set_alias(KIND, consumer.name, _alias(said), version.ref.version)
        return version
    if known.digest != digest:
        raise Conflict(
            f"{said} is registered with other contracts",
            remedy="A version's contracts never change: give the program the next version.",
            service_version=str(said),
        )
    return known


def find_consumer(tx: Transaction, said: ServiceVersion) -> Version | None:
    """Return what is recorded of a service version."""
    return tx.versions.by_alias(KIND, said.consumer, _alias(said))


def consumer_of(tx: Transaction, said: ServiceVersion) -> tuple[Version, Consumer]:
    """Return what is recorded of a service version, read.

    Raises:
        NotFound: It was never registered.
    """
    version = find_consumer(tx, said)
    if version is None:
        known = [
            f"{one.ref.name}@{one.body['version']}" for one in tx.versions.list(KIND, limit=200)
        ]
        raise NotFound.named("service version", str(said), known)
    return version, Consumer.from_json(version.body)


def _alias(said: ServiceVersion) -> str:
    """Return by what a version is found, however many builds register: itself, where it is a name."""
    try:
        return check_name(said.version)
    except InvalidName:  # 2.5.0+build.7, 2.5.0-RC1
        return digest_bytes(said.version.encode())
