"""Tells the demo's story to whoever watches the terminal; every figure is read from the ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from towpath.assets.datasets.declaration import QUARANTINE_REASON
from towpath.build.capacity.money import format_money
from towpath.build.tuning import SearchReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from towpath.app.home import Home
    from towpath.app.supervising import Whereabouts
    from towpath.client import Release
    from towpath.ledger import Intent, Transaction
    from towpath.operate.projects import Project
    from towpath.operate.rollouts import Rollout
    from towpath.trace.erasure import ErasurePlan
    from towpath.trace.lineage import TraceNode


_TOLD = 4


class Narrator:
    """Prints what changed since it last looked, in one line each, to standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
        self._begin = time.perf_counter()
        self._seen: dict[tuple[str, str], str] = {}

    def began(self, where: Whereabouts) -> None:
        """The server answers."""
        self._say(
            "Towpath is up.  "
            f"Pages: [link={where.server}]{where.server}[/link]  Predictions: {where.gateway}"
        )

    def ingested(self, home: Home, project: Project) -> None:
        """The first data are in, but for rows that are set aside."""
        said: list[str] = []
        for ingest in project.ingests:
            newest = home.datasets.versions(ingest.dataset.name)[-1]
            said.append(f"{newest.body['rows']:,} {newest.ref.name}")
        self._say(f"rows came in as files: {', '.join(said)}")
        for ingest in project.ingests:
            aside = home.datasets.versions(f"{ingest.dataset.name}.quarantine")
            if aside:
                rows = home.datasets.scan(aside[-1].ref).collect()
                keys = ", ".join(rows[ingest.dataset.key_columns[0]].head(3))
                self._say(
                    f"[yellow]{rows.height} set aside[/yellow] of {ingest.dataset.name}: {keys}: "
                    f"{rows[QUARANTINE_REASON][0]}  (towpath dataset quarantine {ingest.dataset.name})"
                )

    def searched(self, home: Home) -> None:
        """A search has chosen what the gates weigh, and it has cost something."""
        found = SearchReader(home.ledger, home.blobs).show()
        counts = ", ".join(f"{count} {state}" for state, count in sorted(found.counts.items()))
        best = [trial.point for trial in found.trials if trial.rank == 0]
        points = [f"{name} {_short(value)}" for point in best for name, value in point.items()]
        self._say(f"search: {counts}; best with {', '.join(points)}  (towpath search show)")
        with home.ledger.read() as tx:
            for warning in tx.intents.list("budget_alert"):
                self._say(_budget(tx, warning))

    def deployed(self, home: Home, service: str) -> None:
        """The first model serves."""
        with home.ledger.read() as tx:
            champion = home.releases.champion(tx, home.settings.environment, service)
            assert champion is not None
            version = tx.versions.get(champion)
            entities = sum(one.status["rows"] for one in tx.intents.list("feature_view"))
        metrics = ", ".join(f"{name} {one:.3f}" for name, one in version.body["metrics"].items())
        self._say(
            f"[green]{champion}[/green] serves {service} ({metrics}), with the features of "
            f"{entities:,} entities online; live traffic begins"
        )
        self._news(home, silent=True)

    def in_step(self, program: str, release: Release) -> None:
        """A program has asked which release it is in, and what it needs is there."""
        models = ", ".join(f"{name} is {one['model']}" for name, one in release.services.items())
        self._say(
            f"[green]{program}[/green] is in {release.ref}, which gives what its contract asks for: "
            f"{models}  (towpath service versions)"
        )

    def trusting(self, rollout: Rollout) -> None:
        """The project's owner has changed how models are rolled out."""
        shares = ", then ".join(f"{share:.0%}" for share in rollout.stages)
        self._say(
            f"the next challengers get traffic, {shares}: "
            f"[dim]rollout=[/dim]{rollout.strategy}  (towpath apply)"
        )

    def day(self, home: Home, now: datetime, service: str) -> None:
        """Another day has passed."""
        news = self._news(home)
        if news or now.day == 1:
            tally = home.decisions.tally(service)
            self._say(
                f"[dim]{now:%d %b %Y}  {tally.decisions:,} decisions, {tally.labelled:,} labelled[/dim]"
            )
        for line in news:
            self._say(f"  {line}")

    def traced(self, home: Home, decision: str) -> None:
        """One decision is traced back."""
        tree = home.tracer.trace_decision(decision, actor="demo", payload=False)
        drawn = Tree(_label(tree.root))
        _grow(drawn, tree.root)
        self._say(f"where did decision {decision} come from?  (towpath trace {decision})")
        self._console.print(drawn, soft_wrap=False)

    def explained(self, added: dict[str, float]) -> None:
        """The same decision is explained."""
        parts = list(added.items())
        most = ", ".join(f"{name} {one:+.2f}" for name, one in parts[:_TOLD])
        self._say(
            f"why was the answer that? In log-odds: {most}, and {len(parts) - _TOLD} smaller ones"
        )

    def withdrawing(self, plan: ErasurePlan) -> None:
        """Somebody withdraws; this is what it will take."""
        self._say(
            f"[magenta]an aeroplane withdraws[/magenta] ({plan.field} {plan.subject[:12]}…): "
            f"{plan.rows} rows in {len(plan.datasets)} data-set versions, {plan.decisions} decisions, "
            f"{len(plan.artefacts)} stored step results, {len(plan.models)} models, "
            f"{plan.retrainings} to retrain"
        )

    def lived(self, home: Home, service: str) -> None:
        """The replay is over."""
        tally = home.decisions.tally(service)
        self._say(f"{tally.decisions:,} decisions, {tally.labelled:,} with their outcome")

    def concluded(self, summary: dict[str, Any], *, kept: bool) -> None:
        """The end: what came of it all, and where to look."""
        erasure = summary["erasure"] or {}
        train = summary["reused"].get("train")
        if train:
            self._say(
                f"train again: {train['cached']} of {train['steps']} steps came from the cache"
            )
        if summary["reused"].get("decisions"):
            self._say(f"{summary['reused']['decisions']:,} decisions were there from before")
        self._say(
            f"champion {summary['champion_before']} → {summary['champion_after']}; "
            f"{len(summary['alerts'])} alerts, {len(summary['retrainings'])} retrainings, "
            f"{len(summary['rollouts'])} rollouts"
        )
        if erasure:
            self._say(
                f"erasure {erasure['phase']}: {erasure['rows_removed']} rows out of "
                f"{erasure['versions_touched']} versions, residue {erasure['residue']}, "
                f"certificate {erasure['certificate']}"
            )
        look = f"towpath up --replay --home {summary['home']}"
        self._say(f"look around: {look}" if kept else "keep it next time: towpath demo --keep DIR")

    def _news(self, home: Home, *, silent: bool = False) -> list[str]:
        """Return a line for each row that is new or has moved since the last look."""
        lines: list[str] = []
        with home.ledger.read() as tx:
            for kind, tell in _TELLERS.items():
                for one in tx.intents.list(kind):
                    mark = f"{one.phase}/{one.status.get('stage')}"
                    if self._seen.get((kind, one.name)) != mark:
                        self._seen[kind, one.name] = mark
                        lines.append(tell(tx, one))
        return [] if silent else lines

    def _say(self, line: str) -> None:
        self._console.print(f"[dim]{time.perf_counter() - self._begin:6.1f} s[/dim]  {line}")


def _run(tx: Transaction, run: Intent) -> str:
    if run.spec["pipeline"] == "review":
        return _review(tx, run)
    ended = f", {run.status['model']} {run.status['verdict']}" if run.status.get("model") else ""
    return f"[blue]retrain[/blue] {run.spec['reason']}: {run.phase}{ended}"


def _review(tx: Transaction, run: Intent) -> str:
    """The month behind, airport by airport: what the calls of the map logged."""
    head = f"[blue]{run.spec['reason']}[/blue]: {run.phase}"
    if run.phase != "done":
        return head
    metrics: dict[str, float] = {}
    for one in tx.runs.list(parent=run.status["run"], kind="step"):
        metrics |= one.metrics
    return f"{head}, in time: " + ", ".join(
        f"{name} {metrics[name]:.0%}" for name in sorted(metrics)
    )


def _rollout(_: Transaction, rollout: Intent) -> str:
    spec, status = rollout.spec, rollout.status
    how = spec["strategy"].replace("_", " ")
    head = f"[cyan]rollout[/cyan] {spec['champion']} → {spec['challenger']}, {how}"
    if status.get("outcome"):
        look = (status.get("history") or [{}])[-1]
        bounds = (
            f" (harm between {look['lower']:.4f} and {look['upper']:.4f})"
            if look.get("lower") is not None
            else ""
        )
        return f"{head}: [bold]{status['outcome']}[/bold]{bounds}"
    if spec["strategy"] == "shadow":
        return f"{head}: it gets copies of the requests, and nobody its answers"
    return f"{head}: stage {status.get('stage', 0)}, share {status.get('weight', 0):.0%}"


def _grow(branch: Tree, node: TraceNode) -> None:
    for child in node.children:
        _grow(branch.add(_label(child)), child)


def _label(node: TraceNode) -> Text:
    label = Text(overflow="fold")
    if node.relation:
        label.append(f"{node.relation} ", "dim")
    label.append(node.ref, "bold")
    for name, value in list(node.facts.items())[:4]:
        label.append(f"  {name} {value}", "dim")
    return label


def _alert(_: Transaction, alert: Intent) -> str:
    if alert.phase == "resolved":
        return f"[green]resolved[/green] {alert.name}: {alert.status['why']}"
    cost = (alert.spec.get("cost") or {}).get("words")
    return (
        f"[yellow]alert[/yellow] {alert.spec['monitor']}: {alert.spec['summary']}; "
        f"it cost {cost or 'nobody knows what'}"
    )


def _erasure(_: Transaction, erasure: Intent) -> str:
    return f"[magenta]erasure[/magenta] {erasure.phase}"


def _budget(_: Transaction, warning: Intent) -> str:
    spent, cap = (format_money(warning.spec[name]) for name in ("spent_micros", "cap_micros"))
    return (
        f"[yellow]budget[/yellow] {spent} of {cap} spent this {warning.spec['period']}"
        "  (towpath budget show)"
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


_TELLERS: dict[str, Callable[[Transaction, Intent], str]] = {
    "alert": _alert,
    "budget_alert": _budget,
    "pipeline_run": _run,
    "rollout": _rollout,
    "erasure": _erasure,
}
