"""What an erasure remembers between steps: the spec and status of its intent, typed."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- msgspec reads the annotations
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.core.refs import Ref
from towpath.trace.erasure.contract import Erasure, HeldCopy, Phase

if TYPE_CHECKING:
    from towpath.ledger.records import Intent

KIND = "erasure"
PROJECT = "towpath"  # a subject may be in the data of many projects
FINISHED: tuple[Phase, ...] = ("certified",)
RIDING = "riding"  # the phase of a row whose erasure is another's: callers see that one's


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; the intent's spec.

    Attributes:
        field: The declared subject field.
        subject: Keyed hash of the subject.
        sealed: The plain value, sealed under the key of the erasure that fulfils the request, base64.
        suppression: The subject's position on the list of withdrawals, which gateways must have confirmed.
    """

    field: str
    subject: str
    sealed: str
    suppression: int
    requested_at: datetime
    due_by: datetime | None = None


class RedactedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A data-set version before and after."""

    ref: str
    revision: int
    before: str
    after: str
    rows_removed: int


class RedactedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one data set."""

    name: str
    versions: tuple[RedactedVersion, ...]
    rows_removed: int
    files_rewritten: int
    bytes_deleted: int


class CondemnedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model version that has to go.

    Attributes:
        package: Digest of its package.
        services: Where it was live, or about to be, when it was condemned; empty for one that is
            only deleted.
        run: The run whose recipe the replacement follows.
        attempt: How often its retraining was asked for.
        replacement: The approved version that takes its place: what the retraining gave, or a newer
            one that was on its way already (then `attempt` is 0).
        base: Whether a live model was fine-tuned from it, directly or through others, so that the
            replacement of that one needs a replacement of this one to go on from.
    """

    package: str
    services: tuple[str, ...] = ()
    run: str | None = None
    attempt: int = 0
    replacement: str | None = None
    base: bool = False


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where the work stands; the intent's status. Nothing in it is personal.

    Attributes:
        rides_on: Id of the erasure that fulfils this request with others; all else is there.
        riders: How many requests besides its own it fulfils, once it has begun.
        suppression: The last one's position on the list of withdrawals.
        retraining_s: How long the runs took that are repeated, once it is known which.
        waits_for: Why a retraining waits for its budget's next period, and `waits_until` till when.
        waits_until: See `waits_for`.
        copies: What there was besides data sets and decisions when the redaction began.
        released: By environment, the generation of its route, once none names a condemned model: gateways
            that follow it have let go of them all.
        beyond: What no erasure reaches from here, in sentences.
        hold: Erased rows that a test of the replacements needs, sealed; see `membership`. Empty before
            they are taken and once it is done.
        membership: What that test found, by condemned model.
    """

    rides_on: str | None = None
    riders: int = 0
    suppression: int = 0
    retraining_s: float = 0.0
    waits_for: str = ""
    waits_until: datetime | None = None
    steps: tuple[dict[str, Any], ...] = ()
    blocked_in: Phase | None = None
    reason: str = ""
    redacted_at: datetime | None = None
    datasets: tuple[RedactedDataset, ...] = ()
    decisions: int = 0
    labels: int = 0
    signals: int = 0
    decision_files: dict[str, str | None] = {}
    artefacts: tuple[str, ...] = ()
    executions: int = 0
    bytes_purged: int = 0
    models: dict[str, CondemnedModel] = {}
    released: dict[str, int] = {}
    copies: tuple[HeldCopy, ...] = ()
    beyond: tuple[str, ...] = ()
    scan: dict[str, Any] | None = None
    hold: str = ""
    membership: dict[str, dict[str, Any]] = {}
    certificate: str | None = None

    @property
    def sources(self) -> tuple[Ref, ...]:
        """The data-set versions that held the subject."""
        return tuple(
            Ref.parse(version.ref, "dataset") for data in self.datasets for version in data.versions
        )

    @property
    def live(self) -> dict[str, CondemnedModel]:
        """The condemned models that need a replacement."""
        return {ref: model for ref, model in self.models.items() if model.services}

    @property
    def wanted(self) -> dict[str, CondemnedModel]:
        """The condemned models that are trained again: the live ones, and what those went on from."""
        return {ref: model for ref, model in self.models.items() if model.services or model.base}

    @property
    def totals(self) -> dict[str, int]:
        """What was removed so far."""
        return {
            "versions": len(self.sources),
            "files": sum(data.files_rewritten for data in self.datasets),
            "rows": sum(data.rows_removed for data in self.datasets),
            "bytes": sum(data.bytes_deleted for data in self.datasets) + self.bytes_purged,
            "decisions": self.decisions,
            "labels": self.labels,
            "signals": self.signals,
            "artefacts": len(self.artefacts),
            "executions": self.executions,
            "models": len(self.models),
            **self._copied,
            "residue": len(self.scan["residue"]) if self.scan else 0,
        }

    @property
    def _copied(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for copy in self.copies:
            counts[copy.kind] = counts.get(copy.kind, 0) + copy.count
        return counts


def request_of(intent: Intent) -> Request:
    """Read an intent's spec."""
    return msgspec.convert(intent.spec, Request)


def state_of(intent: Intent) -> State:
    """Read an intent's status."""
    return msgspec.convert(intent.status, State)


def erasure_of(intent: Intent, driver: Intent | None = None) -> Erasure:
    """Return an intent as callers see it; `driver` is what it rides on, if it does."""
    request, state = request_of(intent), state_of(driver or intent)
    return Erasure(
        id=intent.name,
        field=request.field,
        subject=request.subject,
        phase=msgspec.convert((driver or intent).phase, Phase),
        requested_at=request.requested_at,
        updated_at=(driver or intent).updated_at,
        due_by=request.due_by,
        rides_on=None if driver is None else driver.name,
        riders=state.riders,
        retraining_s=state.retraining_s,
        waits_for=state.waits_for,
        waits_until=state.waits_until,
        blocked_in=state.blocked_in,
        reason=state.reason,
        steps=state.steps,
        totals=state.totals,
        replacements={
            ref: model.replacement
            for ref, model in state.live.items()
            if model.replacement is not None
        },
        certificate=state.certificate,
    )
