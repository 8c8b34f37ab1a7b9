"""Makes what is live equal to what a project declares, and shows the difference first."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from towpath.assets.features.online import declared
from towpath.assets.features.registry import declare_view, register_service
from towpath.build.capacity import budget_specs, compare_budgets, declare_budgets
from towpath.core.digests import canonical_json, digest_json
from towpath.core.errors import Conflict
from towpath.operate.releases import find_consumer, redeclare, register, withdraw
from towpath.operate.rollouts import order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.build.capacity import BudgetChange
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.projects import Project

_RECONCILED = (
    "ingest",
    "feature_view",
    "service",
    "label_queue",
    "monitor",
    "trigger",
    "schedule",
    "webhook",
    "channel",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs between what is declared and what is live.

    Attributes:
        kind: `project`, `ingest`, `feature_view`, `service`, `consumer`, `label_queue`, `monitor`,
            `trigger`, `schedule` or `budget`.
        fields: Names of the top-level fields that differ, where it exists on both sides.
    """

    kind: str
    name: str
    action: Literal["create", "change", "remove"]
    fields: tuple[str, ...] = ()


def compare(ledger: Ledger, project: Project, *, code: Ref, environment: str) -> list[Change]:
    """Return what `apply` would change; nothing is written."""
    with ledger.read() as tx:
        changes = _compare(tx, project, _desired(project, code, environment))
        return changes + _as_changes(compare_budgets(tx, project.name, _budgets(project)))


def apply(ledger: Ledger, project: Project, *, code: Ref, environment: str) -> list[Change]:
    """Write the declaration down, in one transaction; reconcilers take it from there.

    Raises:
        Conflict: A feature view, service, label queue, monitor or trigger of that name belongs to
            another project.
    """
    desired = _desired(project, code, environment)
    with ledger.write(actor="apply") as tx:
        changes = _compare(tx, project, desired)
        for dataset in project.all_datasets():
            tx.versions.declare(
                "dataset", dataset.name, project=project.name, description=dataset.description
            )
        for view in project.all_views():
            declare_view(tx, view, project=project.name)
        for features in project.feature_services:
            register_service(tx, features, project=project.name)
        for consumer in project.consumers:
            register(tx, consumer, project=project.name)
        for (kind, name), spec in desired.items():
            if kind == "service":
                _commit_service(tx, project, name, spec)
            tx.intents.put(kind, name, project=project.name, spec=spec, due=kind in _RECONCILED)
            if kind == "service":
                redeclare(tx, environment=environment, service=name)
        for change in changes:
            if change.action == "remove":
                _remove(tx, change, environment)
        changes += _as_changes(declare_budgets(tx, project.name, _budgets(project)))
    return changes


def _budgets(project: Project) -> Mapping[str, dict[str, Any]]:
    return budget_specs(project.name, project.budget, project.queues)


def _as_changes(budgets: Sequence[BudgetChange]) -> list[Change]:
    return [
        Change(kind="budget", name=one.name, action=one.action, fields=one.fields)
        for one in budgets
    ]


def _remove(tx: Transaction, change: Change, environment: str) -> None:
    """Delete what is no longer declared; a service stops being served, and its rollouts end."""
    if change.kind == "service":
        for rollout in tx.intents.list("rollout", phases=["new", "running"]):
            if rollout.spec["service"] == change.name:
                with suppress(Conflict):  # it is being ended already; the route goes all the same
                    order(tx, rollout.name, "roll_back")
        withdraw(tx, environment=environment, service=change.name)
    if (
        change.kind == "feature_view"
    ):  # its reconciler deletes the row once the online rows are gone
        live = tx.intents.get(change.kind, change.name)
        gone = {**live.spec, "wanted": False}
        tx.intents.put(change.kind, change.name, project=live.project, spec=gone)
        return
    tx.intents.delete(change.kind, change.name)


def _commit_service(tx: Transaction, project: Project, name: str, spec: dict[str, Any]) -> None:
    """Add a version of the service when its declaration is not the latest version's."""
    tx.versions.declare("service", name, project=project.name)
    digest = digest_json(spec)
    latest = tx.versions.latest("service", name)
    if latest is None or latest.digest != digest:
        tx.versions.commit("service", name, digest=digest, body=spec)


def _compare(
    tx: Transaction, project: Project, desired: dict[tuple[str, str], dict[str, Any]]
) -> list[Change]:
    changes: list[Change] = []
    for (kind, name), spec in desired.items():
        live = tx.intents.find(kind, name)
        if live is None:
            changes.append(Change(kind=kind, name=name, action="create"))
            continue
        if live.project != project.name:
            raise Conflict(
                f"{kind} {name!r} belongs to project {live.project!r}",
                remedy="Names are unique in one Towpath; choose another.",
            )
        keys = sorted({*live.spec, *spec})
        fields = tuple(key for key in keys if live.spec.get(key) != spec.get(key))
        if fields:
            changes.append(Change(kind=kind, name=name, action="change", fields=fields))
    for consumer in project.consumers:  # those that are not declared any more may run on
        if find_consumer(tx, consumer.service_version) is None:
            said = str(consumer.service_version)
            changes.append(Change(kind="consumer", name=said, action="create"))
    for kind in _RECONCILED:
        for intent in tx.intents.list(kind, project=project.name):
            if (kind, intent.name) not in desired and intent.spec.get("wanted", True):
                changes.append(Change(kind=kind, name=intent.name, action="remove"))
    return changes


def _desired(
    project: Project, code: Ref, environment: str
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the intents that the project stands for, by kind and name."""
    common = {"project": project.name, "environment": environment}
    desired: dict[tuple[str, str], dict[str, Any]] = {
        ("project", project.name): {**project.declaration(), "code": str(code)},
    }
    for ingest in project.ingests:
        row = {"project": project.name, "ingest": ingest.name, **ingest.describe()}
        desired["ingest", f"{project.name}.{ingest.name}"] = row
    for view in project.all_views():
        if view.online:
            desired["feature_view", view.name] = declared(view, project=project.name).to_spec()
    for service in project.services:
        desired["service", service.name] = {
            **common,
            "model": service.model,
            "subject_field": service.subject,
            "durability": service.durability,
            "description": service.description,
            "logging": None if service.logging is None else service.logging.to_spec(),
            "warm_up": [dict(row) for row in service.warm_up],
            "recourse": None if service.recourse is None else service.recourse.to_spec(),
            "rollout": _fields(project.rollout),
        }
        for monitor in project.monitors:
            desired["monitor", f"{service.name}.{monitor.name}"] = {
                **common,
                "service": service.name,
                "kind": monitor.kind,
                **_fields(monitor),
            }
    for queue in project.labelling:
        desired["label_queue", queue.name] = {**common, **queue.spec.to_json()}
    for trigger in project.triggers:
        desired["trigger", f"{project.name}.{trigger.name}"] = {**common, **_fields(trigger)}
    for schedule in project.schedules:
        desired["schedule", f"{project.name}.{schedule.name}"] = {**common, **_fields(schedule)}
    return desired | _told(project, common)


def _told(project: Project, common: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the intents of those who are told what happens."""
    programs = {
        ("webhook", f"{project.name}.{one.name}"): {**common, **_fields(one)}
        for one in project.webhooks
    }
    people = {
        ("channel", f"{project.name}.{one.name}"): {
            **common,
            "channel": one.channel,
            **_fields(one),
        }
        for one in project.channels
    }
    return programs | people


def _fields(declared: Any) -> dict[str, Any]:
    """Return a declaration's fields as the JSON values that come back from the ledger."""
    return msgspec.json.decode(canonical_json(dataclasses.asdict(declared)))
