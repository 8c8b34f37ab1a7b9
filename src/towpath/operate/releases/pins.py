"""What a release pins, and how that is kept: the body of `release:ENVIRONMENT@N`, and its edges."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from towpath.core.contracts import ServiceVersion
from towpath.core.digests import digest_json
from towpath.core.refs import Ref
from towpath.operate.releases.consumer import consumer_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json, Version

PLATFORM: Final = "towpath"
"""Releases and routes belong to the environment, not to one project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """A model version for each service, and the versions of consumers that go with them."""

    models: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    service_versions: frozenset[ServiceVersion] = frozenset()

    def with_models(self, models: Mapping[str, Ref]) -> Pins:
        """Return the pins with other models for some services."""
        return replace(self, models={**self.models, **models})

    def with_versions(
        self, added: Iterable[ServiceVersion] = (), *, without: Iterable[ServiceVersion] = ()
    ) -> Pins:
        """Return the pins with some service versions more, and some less."""
        kept = (self.service_versions | set(added)) - set(without)
        return replace(self, service_versions=kept)


def pins_of(release: Version) -> Pins:
    """Read what a release pins."""
    body = release.body
    return Pins(
        models={name: Ref.parse(one["model"]) for name, one in body["services"].items()},
        service_versions=frozenset(
            ServiceVersion.parse(said) for said in body.get("service_versions", {})
        ),
    )


def commit_release(
    tx: Transaction, environment: str, pins: Pins, *, features: Iterable[str], reason: str
) -> Version:
    """Commit the environment's next release, with an edge to everything it includes.

    Models lead to their runs, code and rows; besides there are the declarations of the services, the
    versions of consumers, the features that those look up (`features` names their versions), and the
    code of the projects.
    """
    services: dict[str, dict[str, str]] = {}
    projects: set[str] = set()
    for name, model in sorted(pins.models.items()):
        declared = tx.versions.latest("service", name)
        services[name] = {"model": str(model)}
        if declared is not None:
            services[name]["service"] = str(declared.ref)
            projects.add(declared.project)
    versions = {
        str(said): str(consumer_of(tx, said)[0].ref) for said in sorted(pins.service_versions)
    }
    body: Json = {
        "environment": environment,
        "services": services,
        "service_versions": versions,
        "features": sorted(features),
        "code": _code(tx, projects),
        "reason": reason,
    }
    tx.versions.declare("release", environment, project=PLATFORM)
    release = tx.versions.commit("release", environment, digest=digest_json(body), body=body)
    tx.graph.link_all((release.ref, "includes", Ref.parse(part)) for part in _parts(body))
    return release


def _parts(body: Mapping[str, Any]) -> Iterable[str]:
    for pinned in body["services"].values():
        yield from pinned.values()
    yield from body["service_versions"].values()
    yield from body["features"]
    yield from body["code"]


def _code(tx: Transaction, projects: Iterable[str]) -> list[str]:
    """Return the code of projects, as it was applied last."""
    rows = [tx.intents.find("project", name) for name in sorted(projects)]
    return [row.spec["code"] for row in rows if row is not None and row.spec.get("code")]
