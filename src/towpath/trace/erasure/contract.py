"""What erasure promises: a plan that is shown first, one durable request, a certificate at the end.

An erasure is an intent (`erasure/ID`) that walks these phases, each idempotent and each recorded in
the transaction that moved it on:

    suppressed      the subject's hash is on the list that ingestion, gateway and training obey
    acknowledged    every living gateway has confirmed that list
    redacted        every stored version of every data set, branches too, is rewritten without them
    purged          what was derived or copied from it is gone: cached steps, artefacts, decisions,
                    labels, label tasks, feature layouts, online rows, files, published metadata
    retraining      each live model that consumed an affected version is trained again
    rolling_out     the replacements take the traffic over
    retired         the bytes of all condemned models are deleted, and every living gateway has let go of
                    its copies
    verified        every stored byte was read again and nothing of the subject was found
    certified       the signed certificate is stored, and the sealed subject shredded

The phase names what has been *reached*, except `retraining` and `rolling_out`, which name what is
being waited for. `blocked` means that a person must act (a replacement was refused by its gates, the
verification found bytes); the reason is in `status`, and `retry` resumes where it stopped.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.ledger.records import Json

BATCH_MOST = 1_000
"""How many withdrawals are taken together at most."""

Phase = Literal[
    "new",
    "suppressed",
    "acknowledged",
    "redacted",
    "purged",
    "retraining",
    "rolling_out",
    "retired",
    "verified",
    "certified",
    "blocked",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedDataset:
    """A data-set version that holds rows of the subject now."""

    ref: str
    revision: int
    digest: str
    rows: int
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedModel:
    """A model version trained on affected data-set versions.

    Attributes:
        state: Its state now (`approved`, `rejected`, `retired`, …).
        live: The services whose route has it in an arm; such a model is retrained, any other is only
            deleted.
        datasets: The affected versions it consumed.
        run: The pipeline run that made it; the retraining repeats its recipe.
    """

    ref: str
    state: str
    live: tuple[str, ...]
    datasets: tuple[str, ...]
    run: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCopy:
    """Something besides data sets and decisions that the erasure takes the subject out of.

    Attributes:
        kind: `open_loads`, `publications`, `stored_files`, `feature_layouts`, `online_tables`,
            `label_tasks`, `printed_pieces`, `window_counts`, `alert_examples`, `incidents`,
            `regression_cases`, `saved_states` or `training_checkpoints`.
        name: What it is: a file set, a feature view, a table.
        count: How many: rows of a load, published versions, files, layouts, tables, tasks.
        size_bytes: Their bytes, where that is known.
    """

    kind: str
    name: str
    count: int
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePlan:
    """What fulfilling a withdrawal would touch, computed by reading and changing nothing.

    Attributes:
        field: The declared subject field, for instance `tailnum`.
        subject: The keyed hash; the plain value is nowhere in the plan.
        datasets: Affected data-set versions, oldest first.
        rows: Rows of the subject, each counted once in however many files and versions it is stored.
        decisions: Recorded decisions about the subject; `labels` and `signals` of those.
        artefacts: Digests of stored step results downstream of the affected versions.
        executions: Cached steps that will be forgotten.
        models: Affected model versions, live ones first.
        copies: What else is touched.
        releases: Releases that include them.
        retrainings: How many pipeline runs will be needed.
        seconds_estimate: Rough time to redaction and retraining from how long the original runs took;
            None where nothing is retrained. Rolling out follows event time and comes on top.
        due_by: By when it had to be done if it were asked for now.
        rides_on: The erasure that it would ride on, if it were asked for now; it then costs no
            retraining of its own.
    """

    field: str
    subject: str
    datasets: tuple[AffectedDataset, ...] = ()
    files: int = 0
    rows: int = 0
    size_bytes: int = 0
    decisions: int = 0
    labels: int = 0
    signals: int = 0
    artefacts: tuple[str, ...] = ()
    executions: int = 0
    models: tuple[AffectedModel, ...] = ()
    copies: tuple[HeldCopy, ...] = ()
    releases: tuple[str, ...] = ()
    retrainings: int = 0
    seconds_estimate: float | None = None
    due_by: datetime | None = None
    rides_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Where one request stands.

    Attributes:
        phase: See the module's text.
        due_by: When it must be done.
        rides_on: Id of the erasure that fulfils it together with others; phase, steps, totals and
            certificate are that one's. None where it is one of its own.
        riders: How many other requests are fulfilled with it.
        retraining_s: How long the runs took that are repeated; 0 until it is known which.
        waits_for: While a retraining may not start before its budget's next period, what says so, and
            `waits_until` that moment. A cap that is raised lets it start at once.
        waits_until: See `waits_for`.
        blocked_in: While `blocked`, the phase that could not be left, and `reason` why.
        steps: When each phase was reached, in order: `{"phase", "at", …counts}`.
        totals: What was removed so far: `versions`, `files`, `rows`, `bytes`, `decisions`, `labels`,
            `artefacts`, `executions`, `models`, `residue`, and each kind of copy there was.
        replacements: Condemned live model to what replaced it.
        certificate: Digest of the signed certificate's blob, once certified.
    """

    id: str
    field: str
    subject: str
    phase: Phase
    requested_at: datetime
    updated_at: datetime
    due_by: datetime | None = None
    rides_on: str | None = None
    riders: int = 0
    retraining_s: float = 0.0
    waits_for: str = ""
    waits_until: datetime | None = None
    blocked_in: Phase | None = None
    reason: str = ""
    steps: tuple[Json, ...] = ()
    totals: dict[str, int] = dataclasses.field(default_factory=dict)
    replacements: dict[str, str] = dataclasses.field(default_factory=dict)
    certificate: str | None = None

    @property
    def done(self) -> bool:
        """Whether the certificate is there."""
        return self.phase == "certified"

    def forecast(self, now: datetime) -> datetime | None:
        """Return when the replacements will be trained, by how long their runs took last time.

        What waits for a budget starts with its next period.
        Rolling out follows event time and comes on top. When it was done, for one that is; None while
        it is blocked, since people keep no time.
        """
        if self.done:
            return self.updated_at
        if self.phase == "blocked":
            return None
        ahead = self.phase in (
            "new",
            "suppressed",
            "acknowledged",
            "redacted",
            "purged",
            "retraining",
        )
        starts = now if self.waits_until is None else max(now, self.waits_until)
        return starts + timedelta(seconds=self.retraining_s) if ahead else now

    def is_late(self, now: datetime) -> bool:
        """Tell whether the deadline has passed, or will have by the forecast."""
        expected = self.forecast(now)
        return self.due_by is not None and (expected is None or expected > self.due_by)


class Erasures(Protocol):
    """Takes withdrawals and tells how they stand. Thread-safe; the work is the reconciler's."""

    def plan(self, field: str, value: str, *, actor: str = "towpath") -> ErasurePlan:
        """Compute what an erasure would touch. Changes nothing; reading a subject is audited.

        Event: `subject.read`, with the keyed hash.

        Raises:
            NotFound: No data set and no service declares `field` as its subject.
        """
        ...

    def submit(self, field: str, value: str, *, actor: str = "towpath") -> str:
        """Suppress the subject at once and ask for the erasure; return its id.

        One transaction puts the subject on the suppression list and declares the intent. The plain
        value is kept only sealed, under a key that dies with the erasure. While a request of the same
        subject is under way its id is returned, and nothing new begins. One that comes while another
        erasure of the field gathers rides on that (`gathering`). Costs the same however many requests
        there are.

        Raises:
            NotFound: No data set and no service declares `field` as its subject.
        """
        ...

    def submit_all(
        self, field: str, values: Sequence[str], *, actor: str = "towpath", key: str | None = None
    ) -> list[str]:
        """Suppress many subjects at once and ask for their erasures; return their ids, in order.

        One transaction for all, as `submit` for each: all are taken, or none. Up to 1,000 at a time;
        one that is named twice is one.

        Args:
            field: The declared subject field.
            values: The subjects.
            actor: Who brings them; a limit on how many a caller may bring goes by it.
            key: A name of the caller's for this call: sent again, it gives the same ids and begins
                nothing, even when these are long fulfilled. Kept for good.

        Raises:
            NotFound: No data set and no service declares `field` as its subject.
            RateLimited: The caller has brought as many as it may; `retry_after_s` says when it may
                come again. Nothing was taken.
            Conflict: The key was used for other withdrawals.
            UsageError: There are none, too many, or one is empty or too long.
        """
        ...

    def get(self, erasure_id: str) -> Erasure:
        """Return where a request stands. Raises `NotFound`."""
        ...

    def list(self, *, limit: int = 1000) -> list[Erasure]:
        """Return requests, newest first."""
        ...

    def retry(self, erasure_id: str) -> None:
        """Let a blocked request try again. Harmless for any other. Raises `NotFound`."""
        ...

    def certificate(self, erasure_id: str) -> bytes:
        """Return the signed certificate, JSON as it was stored.

        Raises:
            NotFound: There is no such request, or it is not certified yet.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """A place where the subject's value was found after all.

    Attributes:
        place: Path below the home, or `blob:SHA` or `database:TABLE` for stores elsewhere.
        where: What inside: `parquet column tailnum`, `sqlite table runs column error`, `raw bytes`.
        count: How many cells or occurrences.
    """

    place: str
    where: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """What reading every stored byte found.

    Attributes:
        places: Files, blobs and tables read.
        size_bytes: Bytes read, before decoding.
        formats: How many places were decoded as what (`parquet`, `sqlite`, `json`, `raw`, …).
        residue: Where the value was found; empty when the erasure held.
        ambiguous: Raw occurrences inside files whose decoded cells hold the value only as a part of
            longer words (`N142` inside `N14228`), which are therefore somebody else's.
        seconds: Wall time.
    """

    places: int
    size_bytes: int
    formats: dict[str, int]
    residue: tuple[Residue, ...]
    ambiguous: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCheck:
    """The outcome of verifying a certificate offline.

    Attributes:
        valid: Whether everything held.
        problems: What did not, in sentences.
        events: How many log entries were proven to be in the log.
    """

    valid: bool
    problems: tuple[str, ...]
    events: int


__all__ = [
    "BATCH_MOST",
    "AffectedDataset",
    "AffectedModel",
    "CertificateCheck",
    "Erasure",
    "ErasurePlan",
    "Erasures",
    "HeldCopy",
    "Phase",
    "Residue",
    "ScanReport",
]
