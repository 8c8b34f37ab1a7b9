"""A pipeline run that somebody wants: the spec of a `pipeline_run` intent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from towpath.build.capacity import priority_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Intent

KIND = "pipeline_run"
WAITING = "waiting"
"""Phase of a run that no budget can pay for before its next period."""
ENDED_PHASES = ("done", "refused", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run, and for which moment.

    Attributes:
        code: Reference of the version of the project's code to execute.
        reason: Why, for the record: `schedule:…`, `backfill:…`, `trigger:…`. No personal data.
        params: The pipeline's parameters, where they differ from the defaults. They are kept with the
            run for ever, so nothing personal belongs in them.
        at: Event time that windows reach back from; None: when the run begins.
        pins: Data-set versions to read instead of the latest, by name.
        candidates: Whether models that the run makes are proposed. A run over the past that only
            fills the cache or writes metrics must not put an old model up for deployment.
        wakes: Kind and name of the intent that waits for the end of this run, if one does.
    """

    project: str
    pipeline: str
    code: str
    reason: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    at: datetime | None = None
    pins: Mapping[str, int] = field(default_factory=dict[str, int])
    candidates: bool = True
    wakes: tuple[str, str] | None = None

    def to_spec(self) -> dict[str, Any]:
        """Return it as an intent's spec; what is as usual is left out."""
        spec: dict[str, Any] = {
            "project": self.project,
            "pipeline": self.pipeline,
            "params": dict(self.params),
            "code": self.code,
            "at": None if self.at is None else self.at.isoformat(),
            "pins": dict(self.pins),
            "reason": self.reason,
        }
        if not self.candidates:
            spec["candidates"] = False
        if self.wakes is not None:
            spec["wakes"] = list(self.wakes)
        return spec


def want_run(tx: Transaction, name: str, request: RunRequest) -> Intent:
    """Ask for a run under a name; asking again for the same is asking once."""
    priority = priority_of(tx, request.project, request.pipeline)
    return tx.intents.put(
        KIND, name, project=request.project, spec=request.to_spec(), priority=priority
    )


def code_of(tx: Transaction, project: str) -> str:
    """Return the version of a project's code that was applied last. Raises `NotFound`."""
    code: str = tx.intents.get("project", project).spec["code"]
    return code
