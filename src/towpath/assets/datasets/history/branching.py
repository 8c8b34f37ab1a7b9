"""Lines of versions: begun, brought back to the trunk, ended; and old content made the newest again.

Nothing here stores bytes: each new version has the manifest of one that is there. A run records what
it was taken from, so that the graph leads through it both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import structlog

from towpath.assets.datasets.catalogue import require_readable
from towpath.assets.datasets.history.contract import Branch
from towpath.assets.datasets.lines import BASE, DROPPED, living_branches, require_living
from towpath.core.errors import Conflict, InvalidName
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version

_log = structlog.get_logger()
Carriage = Literal["branch", "adopt", "restore"]
CARRIAGES: tuple[Carriage, ...] = ("branch", "adopt", "restore")


def begin_branch(tx: Transaction, start: Ref, branch: str, made_by: str | None) -> Version:
    """See `DatasetHistory.branch`."""
    if start.branch is not None:
        raise InvalidName(
            f"{start} lies on a branch, and branches begin on the trunk",
            remedy=f"Adopt it first (towpath dataset adopt {start.trunk} {start.branch}), "
            f"or begin at a version of {start.trunk!r}.",
        )
    source = require_readable(tx.versions.get(start))
    line = start.on(branch)
    if any(one.name == line.name for one in living_branches(tx, line.trunk)):
        raise Conflict(
            f"data set {line.trunk!r} has a branch {branch!r} already",
            remedy=f"Commit to it, drop it (towpath dataset drop {line.trunk} {branch}), "
            "or choose another name.",
            dataset=line.trunk,
            branch=branch,
        )
    tx.versions.declare(
        "dataset",
        line.name,
        project=source.project,
        description=f"Branch of {line.trunk}",
        tags={BASE: str(source.ref.version), DROPPED: ""},
    )
    return _carry(tx, source, line, "branch", made_by)


def list_branches(tx: Transaction, name: str) -> list[Branch]:
    """See `DatasetHistory.branches`."""
    trunk = tx.versions.get(Ref("dataset", name).on(None))
    branches: list[Branch] = []
    for asset in living_branches(tx, name):
        line = Ref("dataset", asset.name)
        base = int(asset.tags[BASE])
        branches.append(
            Branch(
                name=line.branch or "",
                base=line.on(None).at(base),
                head=tx.versions.get(line).ref,
                behind=(trunk.ref.version or 0) - base,
                project=asset.project,
                created_at=asset.created_at,
            )
        )
    return branches


def adopt_branch(
    tx: Transaction, name: str, branch: str, expected: int | None, made_by: str | None
) -> Version:
    """See `DatasetHistory.adopt`."""
    line = Ref("dataset", name).on(branch)
    base = int(require_living(tx, line).tags[BASE])
    head, trunk = tx.versions.get(line), tx.versions.get(line.on(None))
    if expected is not None and head.ref.version != expected:
        raise Conflict(
            f"the head of branch {branch!r} is {head.ref}, not version {expected}",
            remedy="Look at what was added, and adopt that.",
            dataset=name,
            latest=head.ref.version,
            expected=expected,
        )
    if trunk.ref.version != base:
        raise Conflict(
            f"data set {name!r} has moved on to version {trunk.ref.version} since branch {branch!r} "
            f"left it at {base}",
            remedy=f"Begin a branch at {trunk.ref} and commit the change there; "
            f"towpath dataset diff {name}@{base} {head.ref.name}@{head.ref.version} shows it.",
            dataset=name,
            branch=branch,
            base=base,
            latest=trunk.ref.version,
        )
    if head.digest == trunk.digest:
        return trunk
    adopted = _carry(tx, head, trunk.ref.on(None), "adopt", made_by)
    tx.versions.declare(
        "dataset",
        line.name,
        project=head.project,
        description=f"Branch of {line.trunk}",
        tags={BASE: str(adopted.ref.version)},
    )
    return adopted


def drop_branch(tx: Transaction, name: str, branch: str) -> None:
    """See `DatasetHistory.drop`."""
    line = Ref("dataset", name).on(branch)
    asset = require_living(tx, line)
    tx.versions.declare(
        "dataset",
        line.name,
        project=asset.project,
        description=asset.description,
        tags={DROPPED: "true"},
    )
    _log.info("dataset.branch_dropped", dataset=name, branch=branch)


def restore_version(
    tx: Transaction, ref: Ref, expected: int | None, made_by: str | None
) -> Version:
    """See `DatasetHistory.restore`."""
    if ref.branch is not None:
        require_living(tx, ref)
    latest, source = tx.versions.get(Ref(ref.kind, ref.name)), tx.versions.get(ref)
    if expected is not None and latest.ref.version != expected:
        raise Conflict(
            f"version {latest.ref.version} of data set {ref.name!r} is the latest, not {expected}",
            remedy="Look at the latest version, and decide on top of it.",
            dataset=ref.name,
            latest=latest.ref.version,
            expected=expected,
        )
    if require_readable(source).digest == latest.digest:
        return latest
    return _carry(tx, source, Ref(ref.kind, ref.name), "restore", made_by)


def _carry(
    tx: Transaction, source: Version, line: Ref, how: Carriage, made_by: str | None
) -> Version:
    """Make a version's content the next version of a line, by a run that used it."""
    run_id = made_by
    if run_id is None:
        run = tx.runs.start(kind=how, name=line.name, project=source.project)
        tx.runs.finish(run.id, "finished")
        run_id = run.id
    tx.graph.link(Ref("run", run_id), "used", source.ref)
    nothing_new = {"added_rows": 0, "skipped_rows": 0, "suppressed_rows": 0}
    version = tx.versions.commit(
        "dataset",
        line.name,
        digest=source.digest,
        body={**source.body, **nothing_new, "mode": how, "copied_from": str(source.ref)},
        made_by=run_id,
    )
    _log.info("dataset.carried", ref=str(version.ref), source=str(source.ref), how=how)
    return version
