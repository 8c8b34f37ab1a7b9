"""Which feature services there are, as the ledger has recorded them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from towpath.assets.features.online import TableQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedService:
    """A feature service, as much of it as serving needs.

    Attributes:
        name: The service.
        queries: What it looks up.
        columns: Every column that a caller sends, entities and request, with its type.
        computed: The features that are computed on demand, with their types.
        code: The version of the project's code that computes them, `code:NAME@V`; None without one.
    """

    name: str
    queries: tuple[TableQuery, ...]
    columns: Mapping[str, str]
    computed: Mapping[str, str] = field(default_factory=dict[str, str])
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCatalogue:
    """The feature services of all projects, in one immutable value; a change is one assignment."""

    services: Mapping[str, ServedService] = field(default_factory=dict[str, ServedService])

    @property
    def codes(self) -> set[str]:
        """The versions of code that compute features on demand."""
        return {one.code for one in self.services.values() if one.computed and one.code}

    @classmethod
    def read(cls, tx: Transaction) -> FeatureCatalogue:
        """Return the services as a snapshot of the ledger has them."""
        code: dict[str, str] = {
            one.name: one.spec["code"] for one in tx.intents.list("project") if "code" in one.spec
        }
        services: dict[str, ServedService] = {}
        for asset in tx.versions.assets("feature_service"):
            latest = tx.versions.latest("feature_service", asset.name)
            if latest is not None:
                services[asset.name] = _served(latest, code.get(latest.project))
        return cls(services=services)


def _served(version: Version, code: str | None) -> ServedService:
    body: Json = version.body
    columns = cast("list[dict[str, Any]]", [*body["entity"], *body["request"]])
    return ServedService(
        name=version.ref.name,
        queries=tuple(
            TableQuery(
                view=one["view"],
                by=tuple(one["by"]),
                features=tuple(one["features"]),
                prefix=one["prefix"],
            )
            for one in body["lookups"]
        ),
        columns={one["name"]: one["type"] for one in columns},
        computed={
            one["name"]: one["type"] for part in body["on_demand"] for one in part["returns"]
        },
        code=code,
    )
