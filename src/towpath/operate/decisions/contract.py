"""What the decision log promises to the monitors, rollouts, traces and erasures that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import polars as pl

    from towpath.operate.decisions.records import (
        Decision,
        ErasedDecisions,
        Holdings,
        Label,
        Tally,
    )

INPUT: Final = "input."
"""Prefix of the columns that hold what the model was given: `input.distance`."""

OUTPUT: Final = "output."
"""Prefix of the columns that hold what it answered: `output.late`."""


class DecisionLog(Protocol):
    """Every recorded decision and label, whether still in a writer's hands or long since sealed.

    A decision is visible here from the moment its writer made it durable, which with `ack` is before
    the caller has its answer. Each appears exactly once, however often writers and compactors were
    killed in between. Thread-safe and process-safe; any number of readers beside any number of writers.

    Frames have one row per decision and the columns

    | column | type | |
    |---|---|---|
    | `decision_id` | String | |
    | `at`, `recorded` | Datetime(us, UTC) | event time, wall time |
    | `service`, `release`, `model`, `arm` | String | references as text |
    | `rollout`, `stage` | String, Int64 | null outside a rollout |
    | `key`, `subject` | String | null where the caller gave none |
    | `status`, `error` | String | `ok` or `error` |
    | `latency_us` | Int64 | |
    | `input.<name>` | as the model saw it | one column per input |
    | `output.<name>` | Float64, mostly | one column per output |

    Inputs that only some models take are null in the rows of the others. Rows come in no particular
    order: sort where it matters.
    """

    def scan(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Return the decisions of a service whose event time is in [since, until).

        The files are read when this is called, in one consistent state of the log, so that a later
        compaction or erasure can't pull them from under a plan: name the `columns` that you need. Those
        that no file holds come back as nulls, so a plan needs no case for an empty window.
        """
        ...

    def scan_labelled(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        matured_by: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Return the decisions in [since, until) that have a label, with `label` and `label_at`.

        `label` is Float64, `label_at` the event time at which the outcome was known. Of several labels
        for one decision the last recorded counts. Labels whose event time is later than `matured_by` are
        left out, as for somebody who looks at that moment.
        """
        ...

    def labels(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> pl.LazyFrame:
        """Return labels known in [since, until), one per decision: `decision_id`, `label`,
        `label_at`, `label_recorded`, `label_source`. Those of unknown decisions are among them.
        """
        ...

    def find(self, decision_id: str) -> Decision | None:
        """Return one decision; reads only the files whose ids span it."""
        ...

    def label_of(self, decision_id: str) -> Label | None:
        """Return the label that counts for a decision."""
        ...

    def keys(self, service: str) -> pl.DataFrame:
        """Return `key`, `decision_id`, `at` and `labelled` of the service's decisions with a key.

        So a client that was cut off knows which of its requests were decided, and which still lack a
        label.
        """
        ...

    def count(
        self,
        service: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Return the number of decisions; without a window mostly from the ledger's own counts."""
        ...

    def tally(self, service: str | None = None) -> Tally:
        """Count decisions, errors, labelled decisions and labels that belong to no decision.

        With a `service`, unmatched labels are still those that no service's decision carries.
        """
        ...

    def services(self) -> list[str]:
        """Return the names of the services that have decisions, sorted."""
        ...

    def holdings(self, subject_hash: str) -> Holdings:
        """Tell what is held of a subject, without changing anything: the plan of an erasure."""
        ...

    def erase_subject(self, subject_hash: str, *, timeout_s: float = 15.0) -> ErasedDecisions:
        """Remove every decision of a subject, and its labels, from every file.

        The subject must be suppressed at every gateway first, or rows may follow that this call does
        not see. Asks the writers on this machine to rotate, waits until they have, and rewrites each
        file that holds the subject; the old bytes are deleted. Idempotent and safe to kill anywhere: a
        second call finishes what a first began and reports what is then left to remove.

        Raises:
            Unavailable: A writer did not rotate within `timeout_s`; nothing was removed.
        """
        ...
