"""`towpath doctor`: is everything that a home needs there, and does it answer?"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from towpath.app.executing import describe_ray
from towpath.app.home import Home
from towpath.app.supervising import Whereabouts
from towpath.cli.options import Common
from towpath.cli.printing import print_json, print_table
from towpath.core.errors import TowpathError

_FREE_LEAST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    check: str
    ok: bool
    detail: str


def doctor(*, common: Common = Common()) -> int:
    """Check the interpreter, the home, its database, blobs and log, and what runs there."""
    findings = [
        Finding(
            check="python",
            ok=sys.version_info >= (3, 11),
            detail=f"{sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, "
            f"{len(os.sched_getaffinity(0))} cores",
        )
    ]
    try:
        with common.open() as home:
            findings += [_run(name, check, home) for name, check in _CHECKS.items()]
    except TowpathError as error:
        findings.append(Finding(check="home", ok=False, detail=str(error)))
    if common.json:
        print_json(findings)
    else:
        rows = [("ok" if one.ok else "NOT OK", one.check, one.detail) for one in findings]
        print_table(["", "check", ""], rows, empty="")
    return 0 if all(one.ok for one in findings) else 1


def _run(name: str, check: Callable[[Home], str], home: Home) -> Finding:
    try:
        return Finding(check=name, ok=True, detail=check(home))
    except TowpathError as error:
        return Finding(check=name, ok=False, detail=str(error))


def _space(home: Home) -> str:
    free = shutil.disk_usage(home.place.home).free
    if free < _FREE_LEAST_BYTES:
        raise TowpathError(
            f"only {free >> 20} MiB are free under {home.place.home}", remedy="Free some space."
        )
    return f"{free >> 30} GiB free under {home.place.home}"


def _log(home: Home) -> str:
    with home.ledger.read() as tx:
        size, root = tx.events.size(), tx.events.root()
    return f"{size} entries, root {root[:16]}"


def _blobs(home: Home) -> str:
    digest = home.blobs.put(b"towpath doctor")
    home.blobs.get(digest)
    return f"{home.place.blobs_url}: {sum(1 for _ in home.blobs.walk())} blobs"


def _online(home: Home) -> str:
    where = urlsplit(home.place.online_url)  # without what may be a password
    return (
        f"{where.scheme}://{where.hostname or where.path}: {len(home.online_rows.tables())} views"
    )


def _compute(home: Home) -> str:
    if home.settings.compute == "local":
        return f"local: {home.settings.cpus or len(os.sched_getaffinity(0))} cores of this machine"
    return describe_ray(home.place)


def _projects(home: Home) -> str:
    with home.ledger.read() as tx:
        names = [one.name for one in tx.intents.list("project")]
    return ", ".join(names) or "none applied yet"


def _running(home: Home) -> str:
    found = Whereabouts.read(home.place.home)
    return (
        "nothing runs here" if found is None else f"server {found.server}, gateway {found.gateway}"
    )


_CHECKS: dict[str, Callable[[Home], str]] = {
    "space": _space,
    "log": _log,
    "blobs": _blobs,
    "online": _online,
    "compute": _compute,
    "projects": _projects,
    "processes": _running,
}
