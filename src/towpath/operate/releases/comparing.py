"""What differs between two releases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.ledger.records import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that two releases pin differently, or that only one of them pins.

    Attributes:
        kind: `model`, `service` (its declaration), `service version`, `features` or `code`.
        name: The service's, the consumer's with its version, or the asset's.
        before: The version in the first release; None where it has none.
        after: The version in the second.
    """

    kind: Literal["model", "service", "service version", "features", "code"]
    name: str
    before: str | None
    after: str | None


def differences(first: Version, second: Version) -> list[Difference]:
    """Return what differs between two releases, models first."""
    before, after = first.body, second.body
    return [
        *_of("model", _services(before, "model"), _services(after, "model")),
        *_of("service", _services(before, "service"), _services(after, "service")),
        *_of(
            "service version", before.get("service_versions", {}), after.get("service_versions", {})
        ),
        *_of("features", _by_asset(before, "features"), _by_asset(after, "features")),
        *_of("code", _by_asset(before, "code"), _by_asset(after, "code")),
    ]


def _of(kind: Any, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(kind=kind, name=name, before=before.get(name), after=after.get(name))


def _services(body: Mapping[str, Any], part: str) -> dict[str, str]:
    return {name: one[part] for name, one in body["services"].items() if part in one}


def _by_asset(body: Mapping[str, Any], part: str) -> dict[str, str]:
    return {ref.partition("@")[0]: ref for ref in body.get(part, ())}
