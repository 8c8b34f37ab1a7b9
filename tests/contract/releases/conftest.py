"""An environment with two services, their models, and programs that ask them."""

from __future__ import annotations

from typing import Any

import pytest

from towpath.core.contracts import Contract, ServiceVersion
from towpath.core.refs import Ref
from towpath.ledger import Ledger
from towpath.operate.releases import Consumer, LedgerReleases, Pins, register

ENV = "production"


def column(name: str, datatype: str = "FP64", *, nullable: bool = False) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1], "nullable": nullable}


class Environment:
    """What tests do to it, in as few words as they need."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.releases = LedgerReleases()
        self.models: dict[str, int] = {}
        for service, name in (("delay-board", "late"), ("eta", "arrival")):
            spec = {
                "project": "flights",
                "environment": ENV,
                "model": name,
                "subject_field": None,
                "durability": "ack",
                "rollout": {"stages": [0.1]},
            }
            with ledger.write() as tx:
                tx.versions.declare("model", name, project="flights")
                tx.versions.declare("service", service, project="flights")
                tx.versions.commit("service", service, digest=service, body=spec)
                tx.intents.put("service", service, project="flights", spec=spec)

    def model(
        self,
        name: str,
        *inputs: dict[str, Any],
        outputs: tuple[str, ...] = ("late",),
        task: str = "binary",
        state: str = "approved",
    ) -> Ref:
        """Add the next version of a model."""
        number = self.models[name] = self.models.get(name, 0) + 1
        body = {
            "package": f"{name}{number}",
            "task": task,
            "signature": {
                "inputs": list(inputs),
                "outputs": [column(one) for one in outputs],
            },
        }
        with self.ledger.write() as tx:
            return tx.versions.commit(
                "model", name, digest=f"{name}{number}", body=body, state=state
            ).ref

    def program(self, said: str, *contracts: Contract) -> ServiceVersion:
        """Register a version of a program."""
        name, _, version = said.partition("@")
        with self.ledger.write() as tx:
            register(tx, Consumer(name, version=version, contracts=contracts), project="flights")
        return ServiceVersion(name, version)

    def pins(self, models: dict[str, Ref], *said: ServiceVersion) -> Pins:
        return Pins(models=models, service_versions=frozenset(said))

    def put(self, models: dict[str, Ref], *said: ServiceVersion, **options: Any) -> int:
        """Put a release in force as the default; return its number."""
        with self.ledger.write() as tx:
            release = self.releases.put_in_force(
                tx, ENV, self.pins(models, *said), reason="test", **options
            )
        return release.ref.version or 0

    def route(self) -> Any:
        with self.ledger.read() as tx:
            return self.releases.route(tx, ENV)

    def check(self, models: dict[str, Ref], *said: ServiceVersion) -> Any:
        with self.ledger.read() as tx:
            return self.releases.check(tx, ENV, self.pins(models, *said))


@pytest.fixture
def environment(ledger: Ledger) -> Environment:
    return Environment(ledger)
