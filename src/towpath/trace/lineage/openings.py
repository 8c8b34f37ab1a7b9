"""What can be asked about beside nodes of the graph: alerts, services, the gates' reports.

Each is a record of its own that points into the graph. An opening says what it is, and where to go on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.operate.monitoring.examples import examples_of
from towpath.operate.releases.route import Route
from towpath.trace.lineage.contract import TraceNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Json
    from towpath.trace.lineage.contract import Direction

_EXAMPLES_MOST = 10
_SAID_OF_ALERTS = ("monitor", "service", "severity", "at", "since", "window", "rows", "summary")
_UNRESOLVED = ("new", "open", "acknowledged", "snoozed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A way into the graph.

    Attributes:
        ref: What was asked about.
        kind: The part of it before the colon.
        facts: What is worth showing of it.
        links: The nodes of the graph to go on from, each with the word for how.
        leaves: What belongs to it and leads nowhere further.
    """

    ref: str
    kind: str
    facts: Json
    links: tuple[tuple[str, Ref], ...] = ()
    leaves: tuple[TraceNode, ...] = field(default=())


def open_at(tx: Transaction, kind: str, name: str, direction: Direction) -> Opening | None:
    """Return the way in from a record; None where it is none of these kinds.

    Raises:
        NotFound: There is no such record.
    """
    opens = _OPENS.get(kind)
    return None if opens is None else opens(tx, name, direction)


def serving(tx: Transaction) -> dict[str, dict[str, float]]:
    """Return by model version which services it serves now, and with which share of their traffic."""
    found: dict[str, dict[str, float]] = {}
    for row in tx.intents.list("route"):
        for service, share in msgspec.convert(row.spec, Route).shares():
            for arm in share.arms:
                shares = found.setdefault(str(arm.ref), {})
                shares[service] = max(shares.get(service, 0.0), arm.weight)
    return found


def _alert(tx: Transaction, name: str, direction: Direction) -> Opening:
    row = tx.intents.find("alert", name)
    if row is None:
        raise NotFound(f"there is no alert {name!r}", remedy="List them: towpath alert list.")
    spec = row.spec
    said = {key: spec[key] for key in _SAID_OF_ALERTS if spec.get(key) is not None}
    facts = {"phase": row.phase, **said}
    links: list[tuple[str, Ref]] = []
    leaves: list[TraceNode] = []
    if direction == "back":
        model = Ref.parse(spec["model"], "model")
        links.append(("is about", model))
        watching = tx.runs.list(kind="monitor", name=spec["monitor"], project=row.project, limit=50)
        mine = [run for run in watching if run.tags.get("model") == str(model)]
        links += [("raised by", run.ref) for run in mine[:1]]
        leaves = [
            TraceNode(ref=f"decision:{one}", kind="decision", relation="for example")
            for one in examples_of(row)[:_EXAMPLES_MOST]
        ]
    else:
        started = tx.intents.list("pipeline_run", prefix=f"{row.project}.{name}", limit=50)
        links = [
            ("started", Ref("run", run_id))
            for one in started
            if (run_id := one.status.get("run")) is not None
        ]
    return Opening(
        ref=f"alert:{name}", kind="alert", facts=facts, links=tuple(links), leaves=tuple(leaves)
    )


def _service(tx: Transaction, name: str, direction: Direction) -> Opening | None:
    if "@" in name:
        return None  # a version of its declaration is a node of the graph
    row = tx.intents.find("service", name)
    if row is None:
        known = [one.name for one in tx.intents.list("service")]
        raise NotFound.named("service", name, known)
    facts: Json = {"project": row.project, "model": row.spec.get("model")}
    if direction == "back":
        shares = {model: named[name] for model, named in serving(tx).items() if name in named}
        models = sorted(shares, key=lambda model: (-shares[model], model))
        links = [(f"served {shares[model]:.0%} by", Ref.parse(model, "model")) for model in models]
        return Opening(ref=f"service:{name}", kind="service", facts=facts, links=tuple(links))
    alerts = tx.intents.list("alert", project=row.project, phases=list(_UNRESOLVED))
    leaves = [
        TraceNode(
            ref=f"alert:{one.name}",
            kind="alert",
            relation="raised",
            facts={"phase": one.phase, "summary": one.spec.get("summary")},
        )
        for one in alerts
        if one.spec.get("service") == name
    ]
    return Opening(ref=f"service:{name}", kind="service", facts=facts, leaves=tuple(leaves))


def _report(tx: Transaction, name: str, direction: Direction) -> Opening:
    """Open at what the gates wrote about a model version."""
    version = tx.versions.get(Ref.parse(name, "model"))
    body = version.body
    facts = {"verdict": body.get("verdict"), "digest": body.get("report")}
    links = [("is about", version.ref)]
    if direction == "back" and body.get("champion"):
        links.append(("weighed against", Ref.parse(body["champion"], "model")))
    leaves = tuple(_finding(version.ref, finding) for finding in body.get("gates", ()))
    return Opening(
        ref=f"report:{version.ref.name}@{version.ref.version}",
        kind="report",
        facts={name: value for name, value in facts.items() if value is not None},
        links=tuple(links),
        leaves=leaves if direction == "back" else (),
    )


def _gate(tx: Transaction, name: str, direction: Direction) -> Opening:
    """Open at one gate's finding about a model version: `gate:late@3#accuracy`."""
    model, _, gate = name.partition("#")
    version = tx.versions.get(Ref.parse(model, "model"))
    findings = {str(one.get("gate", one.get("name"))): one for one in version.body.get("gates", ())}
    if gate not in findings:
        raise NotFound.named(f"gate of {version.ref} called", gate, findings)
    node = _finding(version.ref, findings[gate])
    links = [("judged", version.ref)]
    if direction == "back" and version.body.get("champion"):
        links.append(("weighed against", Ref.parse(version.body["champion"], "model")))
    return Opening(ref=node.ref, kind="gate", facts=node.facts, links=tuple(links))


def _finding(model: Ref, finding: Mapping[str, Any]) -> TraceNode:
    name = finding.get("gate", finding.get("name"))
    plain = {key: one for key, one in finding.items() if isinstance(one, str | int | float | bool)}
    ref = f"gate:{model.name}@{model.version}#{name}"
    return TraceNode(ref=ref, kind="gate", relation="says", facts=plain)


_OPENS: dict[str, Callable[[Transaction, str, Direction], Opening | None]] = {
    "alert": _alert,
    "service": _service,
    "report": _report,
    "gate": _gate,
}

__all__ = ["Opening", "open_at", "serving"]
