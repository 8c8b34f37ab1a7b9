"""Projects, declared or only known by what they made."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from towpath.core.errors import NotFound
from towpath.server.resources.projects import Project
from towpath.server.views.values import text

if TYPE_CHECKING:
    from towpath.ledger.contract import Transaction

_PLATFORM = "towpath"  # owns releases and routes; nobody declares it


def list_projects(tx: Transaction) -> list[Project]:
    """Return every project by name."""
    declared = {intent.name: intent for intent in tx.intents.list("project")}
    assets: dict[str, Counter[str]] = {}
    for asset in tx.versions.assets():
        assets.setdefault(asset.project, Counter())[asset.kind] += 1
    names = sorted({*declared, *assets} - {_PLATFORM})
    found: list[Project] = []
    for name in names:
        intent = declared.get(name)
        spec = intent.spec if intent else {}
        counts = dict(assets.get(name, Counter()))
        counts["pipeline_run"] = len(tx.runs.list(project=name, kind="pipeline", limit=1000))
        found.append(
            Project(
                name=name,
                owner=text(spec.get("owner")),
                risk=text(spec.get("risk")),
                description=text(spec.get("description")),
                generation=intent.generation if intent else 0,
                declared_at=intent.updated_at if intent else None,
                declaration=spec,
                counts=counts,
            )
        )
    return found


def get_project(tx: Transaction, name: str) -> Project:
    """Return one project. Raises `NotFound`."""
    projects = {project.name: project for project in list_projects(tx)}
    if name not in projects:
        raise NotFound.named("project", name, projects)
    return projects[name]
