"""How the ways in which Ray loses a task are told in an outcome."""

from __future__ import annotations

from towpath.assets.code import environment_lock
from towpath.build.compute.calling import describe
from towpath.build.compute.contract import Outcome
from towpath.core.errors import InvalidSetting, Unavailable

_SHOWN = 3
# Ray's names: the package is not imported only to tell them apart.
_LOSSES = {
    "WorkerCrashedError": "the Ray worker that ran it died",
    "NodeDiedError": "the node that ran it died",
    "ActorDiedError": "the Ray worker that ran it died",
    "LocalRayletDiedError": "the node that ran it died",
    "OwnerDiedError": "the node that ran it died",
    "ObjectLostError": "the node that ran it died",
    "OutOfMemoryError": "its node ran out of memory, and Ray ended it",
    "TaskCancelledError": "Ray cancelled it",
    "RayChannelError": "the Ray cluster is gone",
    "RaySystemError": "the Ray cluster is gone",
}


def outcome_of(error: BaseException | None) -> Outcome:
    """Return the outcome of a task that ended without having said how."""
    if error is None:
        return _lost("it ended without a word")
    names = [one.__name__ for one in type(error).__mro__]
    for name in names:
        if name in _LOSSES:
            return _lost(_LOSSES[name])
    told = describe(error)
    return Outcome(
        status="failed",
        error=f"the node can't run it: {told['error']}",
        message=told["message"],
        traceback=told["traceback"],
    )


def stranded(why: str) -> Outcome:
    """Return the outcome of a task that waits for a node that is gone."""
    return _lost(f"no node is left that could run it: {why}")


def differing(lock: str) -> Outcome:
    """Return the outcome of a task that came to a node where something else is installed."""
    there, here = set(lock.splitlines()), set(environment_lock().decode().splitlines())
    parts = [f"{one} there" for one in sorted(there - here)[:_SHOWN]]
    parts += [f"{one} here" for one in sorted(here - there)[:_SHOWN]]
    return Outcome(
        status="failed",
        error="the node's environment is not this one",
        error_code=InvalidSetting.code,
        message=f"What is installed on the node differs: {', '.join(parts)}, …"
        " A step's key says what it runs with, so both must be the same.",
    )


def _lost(error: str) -> Outcome:
    return Outcome(status="killed", error=error, error_code=Unavailable.code)
