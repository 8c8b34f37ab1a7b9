"""The retraining that is to fix an incident, by the doors that there are for retrainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.pipelines.planning.wanting import RunRequest, code_of, want_run
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref
from towpath.operate.triggers import On, fire
from towpath.trace.incidents.rows import KIND

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent


def start_fix(
    tx: Transaction, incident: Intent, trigger: str | None, *, by: str, now: datetime
) -> str:
    """Fire a trigger that starts the pipeline of the model that erred, or start that by itself.

    Args:
        tx: What it is asked inside of.
        incident: The incident.
        trigger: Which trigger; None for whichever starts that pipeline.
        by: Who asks.
        now: Event time.

    Returns:
        `trigger:NAME` or `pipeline_run:NAME`.

    Raises:
        NotFound: There is no such trigger, or the project is not applied.
        Conflict: No pipeline made the model.
    """
    model = tx.versions.get(Ref.parse(incident.spec["model"], "model"))
    pipeline: str | None = model.body.get("pipeline")
    if pipeline is None:
        raise Conflict(
            f"{model.ref} was not made by a pipeline, so none can be started",
            remedy="Train its successor as it was trained; the incident closes when one that passes serves.",
        )
    chosen = _trigger(tx, incident.project, pipeline, trigger)
    if chosen is not None:
        fire(tx, chosen, by=by)
        return f"trigger:{chosen}"
    request = RunRequest(
        project=incident.project,
        pipeline=pipeline,
        code=code_of(tx, incident.project),
        reason=f"{KIND}:{incident.name} by {by}",
        params=model.body.get("params", {}),
        at=now,
        wakes=(KIND, incident.name),
    )
    number = int(incident.spec.get("asked", 0)) + 1
    return f"pipeline_run:{want_run(tx, f'{KIND}.{incident.name}.{number}', request).name}"


def _trigger(tx: Transaction, project: str, pipeline: str, wanted: str | None) -> str | None:
    """Return a trigger that starts a pipeline when it is fired, if there is one."""
    rows = tx.intents.list("trigger", project=project)
    if wanted is not None:
        found = next(
            (one for one in rows if wanted in (one.name, one.name.partition(".")[2])), None
        )
        if found is None:
            raise NotFound.named("trigger", wanted, [one.name for one in rows])
        return found.name
    declared = tx.intents.find("project", project)
    only = [] if declared is None else list(declared.spec.get("pipelines", ()))
    for row in rows:
        starts = On.from_spec(row.spec)
        if starts.erasure is not None or starts.event is not None:
            continue  # these take what they run on from what they wait for
        if starts.pipeline == pipeline or (starts.pipeline is None and only == [pipeline]):
            return row.name
    return None


__all__ = ["start_fix"]
