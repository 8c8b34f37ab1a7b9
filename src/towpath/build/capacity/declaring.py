"""Makes the budgets in force equal to what a project declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from towpath.build.capacity.declaration import ORGANISATION, Budget, project_path
from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Transaction

_BY_COMMAND = "by_command"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetChange:
    """One budget that differs between what is declared and what is in force.

    Attributes:
        name: The budget's path.
        fields: What differs, where it exists on both sides.
    """

    name: str
    action: Literal["create", "change", "remove"]
    fields: tuple[str, ...] = ()


def compare_budgets(
    tx: Transaction, project: str, specs: Mapping[str, Mapping[str, Any]]
) -> list[BudgetChange]:
    """Return what declaring these budgets would change.

    A budget that a person set by command stays, until the project declares one of its own.
    """
    live = {row.name: row for row in tx.account.budgets() if row.project == project}
    changes: list[BudgetChange] = []
    for name, spec in specs.items():
        if name not in live:
            changes.append(BudgetChange(name=name, action="create"))
            continue
        before = live[name].spec
        keys = sorted({*before, *spec})
        fields = tuple(key for key in keys if before.get(key) != spec.get(key))
        if fields:
            changes.append(BudgetChange(name=name, action="change", fields=fields))
    for name, row in live.items():
        if name not in specs and not row.spec.get(_BY_COMMAND):
            changes.append(BudgetChange(name=name, action="remove"))
    return changes


def declare_budgets(
    tx: Transaction, project: str, specs: Mapping[str, Mapping[str, Any]]
) -> list[BudgetChange]:
    """Put a project's budgets in force, lift those it does not declare any more; say what changed."""
    changes = compare_budgets(tx, project, specs)
    for change in changes:
        if change.action == "remove":
            tx.account.drop_budget(change.name)
        else:
            tx.account.put_budget(change.name, project=project, spec=specs[change.name])
    if changes:
        _wake_runs(tx)
    return changes


def declare_missing(
    tx: Transaction, project: str, specs: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Put those budgets in force that are not yet, so that a first run is held to them too.

    Budgets that are in force stay as they are: a cap is changed by `towpath apply`, not by whoever
    edits a file and runs it.
    """
    known = {row.name for row in tx.account.budgets(list(specs))}
    missing = [name for name in specs if name not in known]
    for name in missing:
        tx.account.put_budget(name, project=project, spec=specs[name])
    return missing


def set_budget(tx: Transaction, name: str, budget: Budget) -> bool:
    """Set the organisation's budget, or one of a project that declares none; say if it changed.

    Args:
        tx: An open write transaction.
        name: `organisation`, or a project's name.
        budget: The budget.

    Raises:
        Conflict: The project declares its budget itself.
    """
    _wake_runs(tx)
    if name == ORGANISATION:
        return tx.account.put_budget(ORGANISATION, project="", spec=budget.describe())
    path = project_path(name)
    rows = tx.account.budgets([path])
    if rows and not rows[0].spec.get(_BY_COMMAND):
        raise Conflict(
            f"project {name!r} declares its budget in its code",
            remedy="Change it there, and run towpath apply.",
        )
    spec = {**budget.describe(), _BY_COMMAND: True}
    return tx.account.put_budget(path, project=name, spec=spec)


def _wake_runs(tx: Transaction) -> None:
    """Let runs that wait for money look again: there may be more of it now."""
    for run in tx.intents.list("pipeline_run", phases=["waiting"]):
        tx.intents.wake(run.kind, run.name)
