"""What to write on a node of the lineage graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from towpath.server.resources.lineage import LineageNode
from towpath.server.views.values import mapping, number, text, whole

if TYPE_CHECKING:
    from towpath.core.refs import Ref
    from towpath.ledger.records import Run, Version

_SHORT = 10
_TELLING = ("roc_auc", "log_loss", "rmse")  # one metric has room on a node


def describe(
    ref: Ref, distance: int, *, run: Run | None, version: Version | None, more: int = 0
) -> LineageNode:
    """Return a node with its title and one line of detail; a bare one for what has no record."""
    if run is not None:
        node = _run_node(run, distance)
    elif version is not None:
        node = _version_node(version, distance)
    else:
        node = _bare(ref, distance)
    return replace(node, more=more)


def _run_node(run: Run, distance: int) -> LineageNode:
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None
    took = f"{seconds:.1f} s" if seconds is not None else "under way"
    return LineageNode(
        ref=str(run.ref),
        kind="run",
        title=run.name,
        detail=f"{run.kind} · {took}",
        state=run.status,
        at=run.started_at,
        distance=distance,
    )


def _version_node(version: Version, distance: int) -> LineageNode:
    body = version.body
    match version.ref.kind:
        case "dataset" | "features":
            detail = f"{whole(body.get('rows')):,} rows"
            if version.revision > 1:
                detail += f" · revision {version.revision}"
        case "model":
            scores = mapping(body.get("metrics"))
            name = next((one for one in _TELLING if one in scores), next(iter(scores), ""))
            value = number(scores.get(name))
            detail = "" if value is None else f"{name} {value:.3f}"
        case "code":
            detail = f"{whole(body.get('files'))} files"
        case "release":
            detail = text(body.get("reason"))
        case _:
            detail = version.digest[:_SHORT]
    return LineageNode(
        ref=str(version.ref),
        kind=version.ref.kind,
        title=f"{version.ref.name}@{version.ref.version}",
        detail=detail,
        state="" if version.state == "ready" else version.state,
        at=version.created_at,
        distance=distance,
    )


def _bare(ref: Ref, distance: int) -> LineageNode:
    title = ref.name[:_SHORT] if ref.kind in ("artifact", "environment", "run") else ref.name
    if ref.version is not None:
        title = f"{title}@{ref.version}"
    return LineageNode(
        ref=str(ref), kind=ref.kind, title=title, detail="", state="", at=None, distance=distance
    )
