"""What is worth saying about a node of the graph, in one line's worth of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.ledger.records import Json, Run, Version
    from towpath.operate.decisions.records import Decision


def facts_of_version(version: Version) -> Json:
    """Return the facts of a version."""
    of_kind = _BY_KIND.get(version.ref.kind, _of_version)
    return {name: value for name, value in of_kind(version).items() if value is not None}


def facts_of_decision(decision: Decision, *, payload: bool) -> Json:
    """Return the facts of a decision; with `payload` what it was asked and what it answered."""
    facts: Json = {
        "at": decision.at.isoformat(),
        "recorded": decision.recorded.isoformat(),
        "service": decision.service,
        "arm": decision.arm,
        "rollout": decision.rollout,
        "stage": decision.stage,
        "subject": decision.subject,
        "status": decision.status,
        "error": decision.error,
        "latency_us": decision.latency_us,
    }
    if payload:
        facts |= {"key": decision.key, "inputs": decision.inputs, "outputs": decision.outputs}
    return {name: value for name, value in facts.items() if value is not None}


def facts_of_run(run: Run) -> Json:
    """Return the facts of a run."""
    facts: Json = {
        "kind": run.kind,
        "name": run.name,
        "project": run.project,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
    }
    if run.ended_at is not None:
        facts["seconds"] = round((run.ended_at - run.started_at).total_seconds(), 3)
    if "reason" in run.tags:
        facts["reason"] = run.tags["reason"]
    return facts


def _of_version(version: Version) -> Json:
    return {"state": version.state, "digest": version.digest}


def _of_dataset(version: Version) -> Json:
    body = version.body
    return {
        "revision": version.revision,
        "rows": body.get("rows"),
        "bytes": body.get("bytes"),
        "digest": version.digest,
        "committed_at": version.created_at.isoformat(),
    }


def _of_features(version: Version) -> Json:
    body = version.body
    return {
        "revision": version.revision,
        "state": version.state,
        "rows": body.get("rows"),
        "entities": body.get("entities"),
        "source": body.get("source"),
        "digest": version.digest,
    }


def _of_feature_service(version: Version) -> Json:
    features = [one["name"] for one in version.body.get("features", ())]
    return {"features": features or None, "digest": version.digest}


def _of_model(version: Version) -> Json:
    body = version.body
    return {
        "state": version.state,
        "verdict": body.get("verdict"),
        "flavour": body.get("flavour"),
        "parent": body.get("parent"),
        "metrics": body.get("metrics"),
        "digest": body.get("package", version.digest),
    }


def _of_code(version: Version) -> Json:
    body = version.body
    return {"digest": version.digest, "entry": body.get("entry"), "files": body.get("files")}


def _of_release(version: Version) -> Json:
    body = version.body
    return {
        "environment": body.get("environment", version.ref.name),
        "reason": body.get("reason"),
        "released_at": version.created_at.isoformat(),
    }


def _of_consumer(version: Version) -> Json:
    asked = [one["service"] for one in version.body["contracts"]]
    return {"version": version.body["version"], "asks": asked or None}


_BY_KIND: dict[str, Callable[[Version], Json]] = {
    "dataset": _of_dataset,
    "features": _of_features,
    "feature_service": _of_feature_service,
    "model": _of_model,
    "code": _of_code,
    "release": _of_release,
    "consumer": _of_consumer,
}
