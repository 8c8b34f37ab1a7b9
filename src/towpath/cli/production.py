"""`towpath release …`, `rollout …`, `monitor …` and `decision …`: what serves, and how it does."""

from __future__ import annotations

from dataclasses import asdict

from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.refs import Ref
from towpath.operate.rollouts import Order, order

release = App(name="release", help="Releases and the traffic that they take.")
rollout = App(name="rollout", help="Champion against challenger.")
monitor = App(name="monitor", help="What is watched, and what it found.")
decision = App(name="decision", help="Recorded predictions.")


@release.command(name="list")
def list_releases(*, common: Common = Common()) -> int:
    """List the environment's releases, newest first."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.versions.list("release", home.settings.environment)
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.ref,
            ", ".join(f"{name}: {part['model']}" for name, part in one.body["services"].items()),
            one.body["reason"],
            f"{one.created_at:%Y-%m-%d %H:%M:%S}",
        )
        for one in found
    ]
    print_table(["release", "services", "reason", "made"], rows, empty="nothing was released yet")
    return 0


@release.command
def traffic(*, common: Common = Common()) -> int:
    """Show which model versions share each service's traffic now."""
    with common.open() as home, home.ledger.read() as tx:
        route = home.releases.route(tx, home.settings.environment)
    if common.json:
        print_json(route)
        return 0
    rows = [
        (name, arm.arm, f"{arm.weight:.0%}", arm.model, arm.release, service.rollout)
        for name, service in route.services.items()
        for arm in service.arms
    ]
    columns = ["service", "arm", "share", "model", "release", "rollout"]
    print_table(columns, rows, empty="nothing serves yet")
    return 0


@release.command
def deploy(model: str, /, *, service: str, common: Common = Common()) -> int:
    """Give a model version all of a service's traffic at once, without a rollout.

    Args:
        model: NAME@VERSION; its gates must have passed.
        service: The service that it shall serve.
    """
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        made = home.releases.deploy(
            tx,
            environment=home.settings.environment,
            service=service,
            model=Ref.parse(model, "model"),
            reason="by hand",
        )
    if common.json:
        print_json(made)
    else:
        out.print(f"{made.ref}: {service} is served by model:{model}", highlight=False)
    return 0


@rollout.command(name="list")
def list_rollouts(*, common: Common = Common()) -> int:
    """List rollouts with their outcomes, newest first."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("rollout")[::-1]
    if common.json:
        print_json(found)
        return 0
    rows = [
        (
            one.name,
            one.spec["champion"],
            one.spec["challenger"],
            one.phase,
            one.status.get("stage"),
            one.status.get("outcome"),
        )
        for one in found
    ]
    columns = ["rollout", "champion", "challenger", "phase", "stage", "outcome"]
    print_table(columns, rows, empty="no rollout yet")
    return 0


@rollout.command
def show(name: str, /, *, common: Common = Common()) -> int:
    """Show a rollout's evidence: the bounds on harm, look by look."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.get("rollout", name)
    if common.json:
        print_json(found)
        return 0
    ended = {key: found.status.get(key) for key in ("outcome", "reason")}
    print_facts(name, {**found.spec, "phase": found.phase, **ended})
    columns = [
        "at",
        "stage",
        "n_champion",
        "n_challenger",
        "estimate",
        "lower",
        "upper",
        "decision",
    ]
    history = found.status.get("history", [])
    rows = [[_cell(look.get(column)) for column in columns] for look in history]
    print_table(columns, rows, empty="no look yet")
    return 0


@rollout.command
def promote(name: str, /, *, common: Common = Common()) -> int:
    """Give the challenger all traffic now, whatever the evidence so far. The order is recorded."""
    return _order(name, "promote", common)


@rollout.command
def abort(name: str, /, *, common: Common = Common()) -> int:
    """Give the champion all traffic back now. The order is recorded."""
    return _order(name, "roll_back", common)


def _order(name: str, wanted: Order, common: Common) -> int:
    with common.open() as home, home.ledger.write(actor="cli") as tx:
        order(tx, name, wanted)
    if common.json:
        print_json({"rollout": name, "ordered": wanted})
    else:
        err.print(f"ordered; a worker carries it out: towpath rollout show {name}")
    return 0


@monitor.command(name="list")
def list_monitors(*, common: Common = Common()) -> int:
    """List monitors and how far they have looked."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("monitor")
    if common.json:
        print_json(found)
        return 0
    rows = [
        (one.name, one.spec["kind"], one.spec["window"], one.status.get("watermark"))
        for one in found
    ]
    print_table(["monitor", "kind", "window", "seen until"], rows, empty="nothing is watched")
    return 0


@monitor.command
def alerts(*, common: Common = Common()) -> int:
    """List alerts, newest first, with the features to blame."""
    with common.open() as home, home.ledger.read() as tx:
        found = tx.intents.list("alert")[::-1]
    if common.json:
        print_json(found)
        return 0
    rows = [(one.spec["at"], one.spec["monitor"], one.spec["summary"]) for one in found]
    print_table(["at", "monitor", "what"], rows, empty="no alert")
    return 0


@decision.command(name="count")
def count_decisions(service: str | None = None, /, *, common: Common = Common()) -> int:
    """Count decisions, errors and labels."""
    with common.open() as home:
        tally = home.decisions.tally(service)
    if common.json:
        print_json(tally)
    else:
        print_facts(service or "all services", asdict(tally))
    return 0


@decision.command(name="show")
def show_decision(decision_id: str, /, *, common: Common = Common()) -> int:
    """Show one decision with what was asked and answered. The reading is recorded."""
    with common.open() as home:
        tree = home.tracer.trace_decision(decision_id, actor="cli", payload=True)
    root = tree.root
    if common.json:
        print_json({"decision": root.ref, **root.facts})
    else:
        print_facts(root.ref, root.facts)
    return 0


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.5f}" if isinstance(value, float) else str(value)
