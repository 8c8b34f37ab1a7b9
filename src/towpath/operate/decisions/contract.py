"""What the decision log promises to the monitors, rollouts, traces and erasures that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from towpath.operate.decisions.records import DecisionFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    import polars as pl

    from towpath.operate.decisions.records import (
        Decision,
        DecisionPage,
        ErasedDecisions,
        FilewiseDecisions,
        Holdings,
        Label,
        Signal,
        Tally,
    )

INPUT: Final = "input."
"""Prefix of the columns that hold what the model was given: `input.distance`."""

OUTPUT: Final = "output."
"""Prefix of the columns that hold what it answered: `output.late`."""

SIGNAL: Final = "signal."
"""Prefix of the columns that hold what customers did: `signal.clicked`."""

ANY: Final = DecisionFilter()
"""Every decision."""


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
    | `weight` | Float64 | how many decisions the row stands for, 1 / `kept`: see below |
    | `service_version` | String | null where the caller named none |
    | `input.<name>` | as the model saw it | one column per input |
    | `output.<name>` | Float64, mostly | one column per output |

    Inputs that only some models take are null in the rows of the others. Rows come in no particular
    order: sort where it matters.

    A service that samples records only some of its decisions, each with a known probability `kept`.
    Whoever estimates a count, a share, a mean or a distribution from rows weighs each by `weight`
    (Horvitz and Thompson, JASA 1952): a sum of weights is an unbiased count of the traffic.

    Signals are joined to decisions by id, or by service and key: one that names a key belongs to the
    last decision of the service with that key that was made no later than it. They may come late, out
    of order, twice, and before their decision; of several with one name for one decision the last
    recorded counts. Those of decisions that nobody knows are kept and counted.
    """

    def scan(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        columns: Sequence[str] | None = None,
        labels: bool = False,
        signals: Sequence[str] = (),
        matured_by: datetime | None = None,
    ) -> pl.LazyFrame:
        """Return the decisions of a service whose event time is in [since, until).

        With `labels` there are the last columns `label` and `label_at`, and for each name in `signals`
        one `signal.NAME`, Float64; all are null where nothing came, or nothing by `matured_by`.

        The files are read when this is called, in one consistent state of the log, so that a later
        compaction or erasure can't pull them from under a plan: name the `columns` that you need. Those
        that no file holds come back as nulls, so a plan needs no case for an empty window.
        """
        ...

    def filewise(
        self,
        service: str | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str],
        known: Collection[str] = (),
    ) -> FilewiseDecisions:
        """Return the same decisions as `scan`, apart by the file that they are in.

        Args:
            service: Whose; None: of every service, in one consistent state.
            since: Event time from which on; `until` the one before which.
            until: See `since`.
            columns: Which columns.
            known: Digests of files whose rows are not needed: they are not opened.
        """
        ...

    def page(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        before: str | None = None,
        limit: int = 100,
    ) -> DecisionPage:
        """Return the newest recorded decisions, or those recorded before the one named `before`.

        Files are read from the newest ids backwards, and no further than the page needs. A decision
        that is recorded meanwhile appears on the first page and shifts no other.
        """
        ...

    def pages(
        self,
        service: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        where: DecisionFilter = ANY,
        signals: Sequence[str] | None = None,
        rows: int = 50_000,
    ) -> Iterator[pl.DataFrame]:
        """Yield all pages of so many rows, one after another: an export in bounded memory.

        Every row that was there at the beginning comes once, unless it is erased meanwhile. Rows of
        models that take other inputs come in frames of their own. With `signals` each frame has the
        columns of those, else of what its rows have.
        """
        ...

    def signal_names(self, service: str) -> list[str]:
        """Return the names of all signals by id, and of those by keys of this service, sorted."""
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

    def scan_signals(
        self,
        service: str,
        *,
        names: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        matured_by: datetime | None = None,
    ) -> pl.LazyFrame:
        """Return the signals of the decisions that a service made in [since, until).

        One row per decision and name, those of unknown decisions left out: `decision_id`, `signal`
        (its name), `value` (Float64), `signal_at`, `signal_recorded` (Datetime), `signal_source`.

        Only those in `names`, if given; what happened later than `matured_by` is left out, as for
        somebody who looks at that moment.
        """
        ...

    def signals_of(self, decision_id: str) -> list[Signal]:
        """Return the signals that count for a decision, by name."""
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
        where: DecisionFilter = ANY,
    ) -> int:
        """Return the number of rows; without a filter, mostly from the ledger's own counts."""
        ...

    def tally(self, service: str | None = None) -> Tally:
        """Count decisions, errors, labelled ones, those with signals, and what belongs to none.

        With a `service`, unmatched labels are still those that no service's decision carries, and so
        are unmatched signals.
        """
        ...

    def services(self) -> list[str]:
        """Return the names of the services that have decisions, sorted."""
        ...

    def holdings(self, *subjects: str) -> Holdings:
        """Tell what is held of some subjects together, without changing anything.

        Reads each file once, however many they are.
        """
        ...

    def erase_subjects(
        self, subjects: Collection[str], *, timeout_s: float = 15.0
    ) -> ErasedDecisions:
        """Remove every decision of some subjects, and its labels and signals, from every file.

        Signals go by id and by key: those for a key that several subjects share go as well. Each file
        is read, and rewritten, once for all of them.

        The subjects must be suppressed at every gateway first, or rows may follow that this call does
        not see. Asks the writers on this machine to rotate, waits until they have, and rewrites each
        file that holds one of them; the old bytes are deleted. Rows that other machines still hold, and
        those of a gateway that did not hear of the withdrawal, are dropped when they are compacted, as
        long as the subjects stay suppressed. Idempotent and safe to kill anywhere: a
        second call finishes what a first began and reports what is then left to remove.

        Raises:
            Unavailable: A writer did not rotate within `timeout_s`; nothing was removed.
        """
        ...
