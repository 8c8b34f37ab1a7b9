"""What happened, read back from the ledger: the demo's machine-readable end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.build.tuning import SearchReader
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.app.home import Home
    from towpath.demo.stages import Stopwatch
    from towpath.ledger import Intent, Transaction


def summarise(
    home: Home, watch: Stopwatch, *, service: str, reused: dict[str, Any], explained: dict[str, Any]
) -> dict[str, Any]:
    """Return the summary. Everything but the seconds comes from the ledger and the decision log."""
    tally = home.decisions.tally(service)
    environment = home.settings.environment
    with home.ledger.read() as tx:
        versions = {
            asset.name: len(tx.versions.list("dataset", asset.name))
            for asset in tx.versions.assets("dataset")
        }
        first = tx.versions.get(Ref("release", environment, 1))
        champion = home.releases.champion(tx, environment, service)
        summary: dict[str, Any] = {
            "dataset_versions": versions,
            "runs": _runs(tx),
            "decisions": tally.decisions,
            "labels_joined": tally.labelled,
            "set_aside": {
                name.removesuffix(".quarantine"): tx.versions.list("dataset", name)[0].body["rows"]
                for name in versions
                if name.endswith(".quarantine")
            },
            "reviews": [
                one.phase
                for one in tx.intents.list("pipeline_run")
                if one.spec["reason"].startswith("schedule:")
            ],
            "budget_warnings": [one.spec["summary"] for one in tx.intents.list("budget_alert")],
            "online": {one.name: one.status for one in tx.intents.list("feature_view")},
            "alerts": [_alert(one) for one in tx.intents.list("alert")],
            "retrainings": [
                _retraining(one)
                for one in tx.intents.list("pipeline_run")
                if one.spec["reason"].startswith("trigger:")
            ],
            "rollouts": [_rollout(one) for one in tx.intents.list("rollout")],
            "in_step": _in_step(home, tx),
            "champion_before": first.body["services"][service]["model"],
            "champion_after": None if champion is None else str(champion),
        }
    summary["searches"] = _searches(home)
    summary["trace"] = _trace(home, service)
    summary["explained"] = explained
    summary["erasure"] = _erasure(home)
    summary["reused"] = reused
    summary["stages"] = watch.to_json()
    summary["home"] = str(home.place.home)
    summary["seconds"] = round(watch.total_s, 1)
    return summary


def _runs(tx: Transaction) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in tx.runs.list(limit=100_000):
        counts[run.kind] = counts.get(run.kind, 0) + 1
    return counts


def _searches(home: Home) -> list[dict[str, Any]]:
    """Return how many trials of each search ended in which state; those that erasures repeat have none."""
    reader = SearchReader(home.ledger, home.blobs)
    found = [reader.show(one.id) for one in reader.list()]
    return [
        {"run": one.summary.run, "wanted": one.summary.wanted, **one.counts} for one in found[::-1]
    ]


def _alert(alert: Intent) -> dict[str, Any]:
    spec = alert.spec
    return {
        "monitor": spec["monitor"],
        "kind": spec["kind"],
        "at": spec["at"],
        "model": spec["model"],
        "summary": spec["summary"],
        "cost": (spec.get("cost") or {}).get("words"),
        "features": [one["name"] for one in spec["features"]],
    }


def _retraining(run: Intent) -> dict[str, Any]:
    return {
        "reason": run.spec["reason"],
        "at": run.spec["at"],
        "phase": run.phase,
        "model": run.status.get("model"),
        "verdict": run.status.get("verdict"),
    }


def _in_step(home: Home, tx: Transaction) -> dict[str, Any]:
    """Return the release in force, and the programs that are part of it."""
    environment = home.settings.environment
    route = home.releases.route(tx, environment)
    said = home.releases.pins(tx, environment).service_versions
    return {"release": route.release, "programs": sorted(map(str, said))}


def _rollout(rollout: Intent) -> dict[str, Any]:
    return {
        "name": rollout.name,
        "strategy": rollout.spec["strategy"],
        "champion": rollout.spec["champion"],
        "challenger": rollout.spec["challenger"],
        "phase": rollout.phase,
        "outcome": rollout.status.get("outcome"),
        "evidence": rollout.status.get("evidence"),
    }


def _trace(home: Home, service: str) -> dict[str, Any] | None:
    """Trace the latest decision that was kept."""
    keys = home.decisions.keys(service)
    if keys.is_empty():
        return None
    decision: str = keys.sort("at", "decision_id")["decision_id"][-1]
    tree = home.tracer.trace_decision(decision, actor="demo", payload=False)
    return {"decision": decision, "chain": tree.refs(), "tree": tree.to_json()}


def _erasure(home: Home) -> dict[str, Any] | None:
    found = home.erasures.list()
    if not found:
        return None
    erasure = found[0]
    totals = erasure.totals
    certificate = home.place.home / "certificates" / f"{erasure.id}.json"
    return {
        "id": erasure.id,
        "phase": erasure.phase,
        "reason": erasure.reason,
        "versions_touched": totals.get("versions", 0),
        "rows_removed": totals.get("rows", 0),
        "decisions_removed": totals.get("decisions", 0),
        "residue": totals.get("residue", 0),
        "models_replaced": erasure.replacements,
        "models_deleted": totals.get("models", 0),
        "certificate": str(certificate) if certificate.exists() else None,
        "seconds": (erasure.updated_at - erasure.requested_at).total_seconds(),
    }
