"""OpenLineage's own client takes our events for what they are, and writes the very same ones."""

from __future__ import annotations

import json

from peer_environments import ask_peer

from towpath.core.refs import Ref
from towpath.operate.decisions import SegmentDecisionLog
from towpath.trace.lineage import Bounds, LedgerTracer, open_lineage

REBUILD = """
import importlib, json, pkgutil, sys
from openlineage.client import event_v2, generated
from openlineage.client.serde import Serde

facets = {}
for found in pkgutil.iter_modules(generated.__path__):
    module = importlib.import_module(f"openlineage.client.generated.{found.name}")
    for name, kind in vars(module).items():
        if isinstance(kind, type) and name.endswith("Facet"):
            facets[name] = kind

def facet(given):
    name = given["_schemaURL"].rpartition("/")[2]
    values = {key: value for key, value in given.items() if not key.startswith("_")}
    made = facets[name](**values, producer=given["_producer"])
    assert made._get_schema() == given["_schemaURL"], (made._get_schema(), given["_schemaURL"])
    return made

def all_facets(given):
    return {name: facet(one) for name, one in given.items()}

def dataset(kind, given):
    given = dict(given)
    sides = {name: all_facets(given.pop(name)) for name in ("inputFacets", "outputFacets") if name in given}
    return kind(**{**given, "facets": all_facets(given["facets"])}, **sides)

def event(given):
    given = {key: value for key, value in given.items() if key != "schemaURL"}
    if "dataset" in given:
        return event_v2.DatasetEvent(**{**given, "dataset": dataset(event_v2.StaticDataset, given["dataset"])})
    job = event_v2.Job(**{**given["job"], "facets": all_facets(given["job"]["facets"])})
    given |= {
        "job": job,
        "inputs": [dataset(event_v2.InputDataset, one) for one in given["inputs"]],
        "outputs": [dataset(event_v2.OutputDataset, one) for one in given["outputs"]],
    }
    if "run" not in given:
        return event_v2.JobEvent(**given)
    run = event_v2.Run(given["run"]["runId"], all_facets(given["run"]["facets"]))
    status = event_v2.RunState[given["eventType"]]
    return event_v2.RunEvent(**{**given, "run": run, "eventType": status})

events = json.loads(open(sys.argv[1]).read())
print(json.dumps([Serde.to_dict(event(one)) for one in events]))
"""


def pruned(value: object) -> object:
    """Leave out what is empty: the client writes no facets where there are none."""
    if isinstance(value, dict):
        kept = {key: pruned(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in ({}, [], None)}
    return [pruned(one) for one in value] if isinstance(value, list) else value


def test_the_reference_client_rebuilds_every_event(sqlite_ledger, disk_blobs, tmp_path):
    with sqlite_ledger.write() as tx:
        for kind in ("dataset", "code", "model"):
            tx.versions.declare(kind, "late", project="flights")
        tx.versions.declare("release", "prod", project="towpath")
        columns = [{"name": "tailnum", "type": "string"}, {"name": "delay", "type": "float64"}]
        body = {"rows": 900, "bytes": 4096, "columns": columns}
        tx.versions.commit("dataset", "late", digest="f1" * 32, body=body)
        tx.versions.commit("code", "late", digest="c0" * 32, body={})
        run = tx.runs.start(kind="pipeline", name="train", project="flights")
        step = tx.runs.start(kind="step", name="fit", project="flights", parent=run.id)
        lost = tx.runs.start(kind="pipeline", name="train", project="flights")
        for used in ("dataset:late@1", "code:late@1"):
            for one in (run, step, lost):
                tx.graph.link(one.ref, "used", Ref.parse(used))
        tx.versions.commit("model", "late", digest="a1" * 32, body={}, made_by=run.id)
        tx.versions.commit("release", "prod", digest="e1" * 32, body={})
        tx.graph.link(Ref("release", "prod", 1), "includes", Ref("model", "late", 1))
        tx.runs.finish(run.id, "finished")
        tx.runs.finish(lost.id, "failed", error="ValueError: no rows")
    log = SegmentDecisionLog(sqlite_ledger, disk_blobs, tmp_path / "decisions")
    tracer = LedgerTracer(sqlite_ledger, log)
    found = tracer.neighbourhood(Ref("dataset", "late", 1), "forth", bounds=Bounds(full=True))
    events = open_lineage(found)
    assert [one.get("eventType") for one in events].count("START") == 3
    assert {one["eventType"] for one in events if "run" in one} == {"START", "COMPLETE", "FAIL"}
    assert any(one["job"]["name"] == "release:prod@1" for one in events if "job" in one)
    path = tmp_path / "events.json"
    path.write_text(json.dumps(events))
    rebuilt = ask_peer(REBUILD, ["openlineage-python"], str(path))
    assert pruned(rebuilt) == pruned(events)
