"""`towpath service …`: services, and the versions of programs that ask them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_json, print_table
from towpath.core.errors import UsageError
from towpath.operate.releases import Consumer, register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger import Version
    from towpath.operate.releases import Route

service = App(name="service", help="Services, and the versions of programs that ask them.")


@service.command(name="list")
def list_services(*, common: Common = Common()) -> int:
    """List services, the model versions behind them, and why a newer one is not released."""
    with common.open() as home, home.ledger.read() as tx:
        route = home.releases.route(tx, home.settings.environment)
        found = tx.intents.list("service")
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.name,
            one.project,
            route.services[one.name].champion.model if one.name in route.services else None,
            "; ".join(finding["problem"] for finding in one.status.get("findings", ())),
        )
        for one in found
    ]
    print_table(["service", "project", "model", "held back"], rows, empty="no service is declared")
    return 0


@service.command(name="register")
def register_version(*files: Path, project: str, common: Common = Common()) -> int:
    """Register versions of programs with the contracts that they rely on, from JSON files.

    Args:
        files: Each an object with `consumer`, `version` and `contracts`.
        project: The project that the programs belong to.
    """
    consumers = [_read(path) for path in files]
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        made = [register(tx, one, project=project) for one in consumers]
    if common.json:
        print_json(made)
        return 0
    for one, version in zip(consumers, made, strict=True):
        out.print(f"{version.ref}: {one.service_version}", highlight=False)
    err.print("have releases held to one: towpath release deploy --service-version …")
    return 0


@service.command
def versions(*, common: Common = Common()) -> int:
    """List versions of programs, the release that each is on, and when it asked last."""
    with common.open() as home, home.ledger.read() as tx:
        environment = home.settings.environment
        route = home.releases.route(tx, environment)
        asked: dict[str, str] = {}
        for row in tx.intents.list("gateway", limit=None):
            for said, at in row.status.get("asked", {}).items():
                asked[said] = max(at, asked.get(said, ""))
        rows = [_version_row(one, route, asked) for one in tx.versions.list("consumer")]
    if common.json:
        print_json(rows)
        return 0
    print_table(
        ["program", "release", "asked last", "services"],
        [tuple(row.values()) for row in rows],
        empty="no program is registered; declare consumers, or: towpath service register FILE",
    )
    return 0


def _version_row(version: Version, route: Route, asked: Mapping[str, str]) -> dict[str, object]:
    said = f"{version.ref.name}@{version.body['version']}"
    line = route.line_of(said)
    number = route.release if said in route.known and line is None else None
    return {
        "service_version": said,
        "release": line.release if line is not None else number,
        "asked": asked.get(said),
        "services": ", ".join(one["service"] for one in version.body["contracts"]),
    }


def _read(path: Path) -> Consumer:
    try:
        return Consumer.from_json(msgspec.json.decode(path.read_bytes(), type=dict))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is not a JSON object: {error}") from error
