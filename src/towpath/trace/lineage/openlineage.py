"""A neighbourhood as OpenLineage events, for catalogues that speak it (Marquez, DataHub, OpenMetadata).

Follows the OpenLineage specification 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json). A run is a
run event, with what it used and made as its datasets; whatever else has versions (models, code, features)
is a dataset there as well, told by its namespace, since the specification knows nothing else that a job reads
or writes. A release has no run: it is a job event. Nothing personal is in them, as nothing personal is in
the graph.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.refs import Ref
    from towpath.ledger.records import Json, Run, Version
    from towpath.trace.lineage.neighbourhood import Neighbourhood

_SPEC: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_FACETS: Final = "https://openlineage.io/spec/facets/"
PRODUCER: Final = "urn:towpath:openlineage:1"
"""What names us as the source of events and facets; an identifier, as the specification wants a URI."""

_ENDS = {"finished": "COMPLETE", "failed": "FAIL", "killed": "ABORT"}
_ERROR_LANGUAGE = "PYTHON"


def open_lineage(found: Neighbourhood, *, namespace: str = "towpath") -> list[Json]:
    """Return the events of a neighbourhood, oldest first: of each run, release and lone version.

    Args:
        found: The part of the graph. Explored with `Bounds(full=True)` it has the runs of steps, too.
        namespace: What this installation is called among others.
    """
    writer = _Writer(found, namespace)
    return sorted(writer.events(), key=lambda event: str(event["eventTime"]))


class _Writer:
    def __init__(self, found: Neighbourhood, namespace: str) -> None:
        self._found = found
        self._namespace = namespace
        self._used: dict[Ref, list[Ref]] = {}
        self._made: dict[Ref, list[Ref]] = {}
        for hop in found.every_hop():
            back = found.direction == "back"
            child, parent = (hop.near, hop.far) if back else (hop.far, hop.near)
            if hop.relation == "made":
                self._made.setdefault(parent, []).append(child)
            else:
                self._used.setdefault(child, []).append(parent)

    def events(self) -> list[Json]:
        """Return the events, in no order."""
        events: list[Json] = []
        spoken: set[Ref] = set()
        for run in self._found.runs.values():
            if run.ref in self._found.distances:
                events += self._run_events(run)
                spoken |= {run.ref, *self._used.get(run.ref, ()), *self._made.get(run.ref, ())}
        for ref in self._found.distances:
            version = self._found.versions.get(ref)
            if version is not None and ref.kind == "release":
                events.append(self._release_event(version))
                spoken |= {ref, *self._used.get(ref, ())}
        for ref, version in self._found.versions.items():
            if ref in self._found.distances and ref not in spoken:
                events.append(self._dataset_event(version))
        return events

    def _run_events(self, run: Run) -> list[Json]:
        """Return a run's start, and its end where it has one: the specification asks for both."""
        started = self._run_event(run, "START", run.started_at)
        if run.ended_at is None:
            return [started]
        return [started, self._run_event(run, _ENDS.get(run.status, "OTHER"), run.ended_at)]

    def _run_event(self, run: Run, status: str, at: datetime) -> Json:
        facets: Json = {}
        parent = self._found.runs.get(run.parent or "")
        if parent is not None:
            facets["parent"] = _facet(
                "1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
                run={"runId": _run_id(parent.id)},
                job={"namespace": self._job_namespace(parent.project), "name": parent.name},
            )
        if run.error:
            facets["errorMessage"] = _facet(
                "1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
                message=run.error,
                programmingLanguage=_ERROR_LANGUAGE,
            )
        kind = _facet(
            "2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
            processingType="BATCH",
            integration="TOWPATH",
            jobType=run.kind.upper(),
        )
        return {
            "eventType": status,
            "eventTime": _time(at),
            "producer": PRODUCER,
            "schemaURL": f"{_SPEC}RunEvent",
            "run": {"runId": _run_id(run.id), "facets": facets},
            "job": {
                "namespace": self._job_namespace(run.project),
                "name": run.name,
                "facets": {"jobType": kind},
            },
            "inputs": [self._dataset(ref, "inputFacets") for ref in self._used.get(run.ref, ())],
            "outputs": [self._dataset(ref, "outputFacets") for ref in self._made.get(run.ref, ())],
        }

    def _release_event(self, version: Version) -> Json:
        return {
            "eventTime": _time(version.created_at),
            "producer": PRODUCER,
            "schemaURL": f"{_SPEC}JobEvent",
            "job": {
                "namespace": self._job_namespace(version.project),
                "name": str(version.ref),
                "facets": {},
            },
            "inputs": [
                self._dataset(ref, "inputFacets") for ref in self._used.get(version.ref, ())
            ],
            "outputs": [],
        }

    def _dataset_event(self, version: Version) -> Json:
        return {
            "eventTime": _time(version.created_at),
            "producer": PRODUCER,
            "schemaURL": f"{_SPEC}DatasetEvent",
            "dataset": self._dataset(version.ref, None),
        }

    def _dataset(self, ref: Ref, side: str | None) -> Json:
        """Return a version as a dataset: its number is a facet, so that all versions are one dataset."""
        facets: Json = {}
        version = self._found.versions.get(ref)
        if ref.version is not None:
            number = str(ref.version)
            if version is not None and version.revision > 1:
                number = f"{number}r{version.revision}"
            facets["version"] = _facet(
                "1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
                datasetVersion=number,
            )
        columns: list[Json] = [] if version is None else version.body.get("columns") or []
        if ref.kind == "dataset" and columns:
            facets["schema"] = _facet(
                "1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
                fields=[{"name": one["name"], "type": str(one["type"])} for one in columns],
            )
        shown: Json = {
            "namespace": f"{self._namespace}/{ref.kind}",
            "name": ref.name,
            "facets": facets,
        }
        if side is not None:
            shown[side] = self._counts(version, side)
        return shown

    def _counts(self, version: Version | None, side: str) -> Json:
        if version is None or "rows" not in version.body:
            return {}
        said: dict[str, Any] = {"rowCount": version.body["rows"]}
        if version.body.get("bytes") is not None:
            said["size"] = version.body["bytes"]
        if side == "outputFacets":
            url = "1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/"
            return {"outputStatistics": _facet(f"{url}OutputStatisticsOutputDatasetFacet", **said)}
        url = "1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/"
        return {"inputStatistics": _facet(f"{url}InputStatisticsInputDatasetFacet", **said)}

    def _job_namespace(self, project: str) -> str:
        return f"{self._namespace}/{project}"


def _facet(schema: str, **fields: object) -> Json:
    return {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}{schema}", **fields}


def _run_id(run_id: str) -> str:
    """Return an id as the UUID that the specification wants; ours are UUIDs without dashes."""
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}/run/{run_id}"))


def _time(at: datetime) -> str:
    return at.isoformat()


__all__ = ["PRODUCER", "open_lineage"]
