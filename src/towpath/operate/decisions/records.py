"""What is kept of each prediction and of its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from towpath.core.clock import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import polars as pl

DecisionStatus = Literal["ok", "error"]


class Decision(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="decision", gc=False
):
    """One recorded prediction: who was answered what, by which model, from which inputs.

    A `msgspec.Struct` rather than a dataclass, since it is also the frame written to disk before the
    answer leaves: building and encoding one costs about 2 µs. Fields are stored by position, so new
    ones go last and carry a default.

    Attributes:
        decision_id: UUIDv7 in its dashed form; sorts by the wall time at which it was made.
        at_us: Event time, microseconds since 1970-01-01T00:00Z.
        recorded_us: Wall time, likewise.
        service: Name of the service that was asked.
        release: Reference of the release that served it, `release:production@3`.
        model: Reference of the model version that predicted, `model:late@3`.
        arm: `champion` or `challenger`; `pinned` when the caller named the version, so that a
            comparison of arms can leave those out.
        rollout: Name of the rollout that the split belonged to, if one was under way.
        stage: The rollout's stage, from 0.
        key: What the caller calls the thing decided on; unique only if the caller makes it so.
        subject: Keyed hash of the person or thing that may withdraw; never the plain value.
        inputs: Column to value, as the model saw them.
        outputs: Output name to value; empty when `status` is `error`.
        error: One line without personal data, when `status` is `error`.
        latency_us: From the request's arrival to the prediction, before it was made durable.
        kept: Probability with which a decision like this one is recorded, in (0, 1]: 1 unless the
            service samples. Whoever estimates from the log weighs a row by `1 / kept`.
        service_version: Version of the calling service that the caller named, which chose the release.
    """

    decision_id: str
    at_us: int
    recorded_us: int
    service: str
    release: str
    model: str
    arm: str
    rollout: str | None = None
    stage: int | None = None
    key: str | None = None
    subject: str | None = None
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    status: DecisionStatus = "ok"
    error: str | None = None
    latency_us: int = 0
    kept: float = 1.0
    service_version: str | None = None

    @property
    def at(self) -> datetime:
        """Event time, in UTC."""
        return from_micros(self.at_us)

    @property
    def recorded(self) -> datetime:
        """Wall time, in UTC."""
        return from_micros(self.recorded_us)


class Label(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="label", gc=False):
    """What turned out to be true of one decision.

    Attributes:
        decision_id: The decision it belongs to; one that nobody knows is kept all the same.
        value: The outcome: 0 or 1 for a yes-or-no question, the quantity otherwise.
        at_us: Event time at which the outcome was known.
        recorded_us: Wall time; of several labels for one decision the one recorded last counts.
        source: Who says so, `label_queue:NAME` for people asked by Towpath; None for a caller of the
            gateway, who reports what happened.
    """

    decision_id: str
    value: float
    at_us: int
    recorded_us: int
    source: str | None = None

    @property
    def at(self) -> datetime:
        """Event time at which the outcome was known, in UTC."""
        return from_micros(self.at_us)

    @property
    def recorded(self) -> datetime:
        """Wall time, in UTC."""
        return from_micros(self.recorded_us)


class Signal(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="signal", gc=False):
    """What customers did after one decision: a named number, such as `clicked` or `refund_eur`.

    A signal says nothing of what was true, so it never counts as a label; there may be many names for
    one decision.

    Attributes:
        decision_id: The decision it belongs to; None where the sender knows only its `key`.
        name: What was measured.
        value: How much; 0 or 1 for something that happened or did not.
        at_us: Event time at which it happened.
        recorded_us: Wall time; of several signals of one name for one decision the one recorded last
            counts, so that repeating one changes nothing and another value corrects it.
        source: Who says so; None for a caller of the gateway.
        service: With `key`, in place of `decision_id`: the service that decided.
        key: What the caller of that service called the thing decided on. The signal belongs to the
            last decision with this key that was made no later than `at_us`.
    """

    decision_id: str | None
    name: str
    value: float
    at_us: int
    recorded_us: int
    source: str | None = None
    service: str | None = None
    key: str | None = None

    @property
    def at(self) -> datetime:
        """Event time at which it happened, in UTC."""
        return from_micros(self.at_us)


Record = Decision | Label | Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions are meant: those that have every value given here. None asks nothing.

    Attributes:
        model: Reference of a model version, `model:late@3`.
        subject: Keyed hash of the subject; only the bucket that it lies in is read.
    """

    model: str | None = None
    release: str | None = None
    arm: str | None = None
    rollout: str | None = None
    status: str | None = None
    key: str | None = None
    subject: str | None = None
    service_version: str | None = None

    def asked(self) -> dict[str, str]:
        """Return the columns that are asked about, and the values they must have."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """Some decisions of a service, newest recorded first.

    Attributes:
        rows: The decisions with the columns of `DecisionLog.scan`, then `label`, `label_at`, and
            `signal.NAME` for every signal that one of them has.
        before: Pass this as `before` to read on; None where there are no older ones.
    """

    rows: pl.DataFrame
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilewiseDecisions:
    """The decisions of a span of event time, in one consistent state of the log.

    A file never changes: one of the same digest holds the same rows. A compaction or an erasure
    replaces files by others.

    Attributes:
        known: Digests of the files that were not read, because the caller has what was in them.
        read: Each other file's rows, by its digest.
        unsealed: The rows that are in no file yet.
    """

    known: tuple[str, ...]
    read: Mapping[str, pl.DataFrame]
    unsealed: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many records there are.

    Attributes:
        decisions: Decisions recorded.
        errors: Those of them whose status is `error`.
        labelled: Decisions that have a label.
        unmatched_labels: Labelled ids that no recorded decision carries.
        signalled: Decisions that have a signal.
        unmatched_signals: Ids, and keys of a service, with signals that no recorded decision carries.
    """

    decisions: int
    errors: int
    labelled: int
    unmatched_labels: int
    signalled: int = 0
    unmatched_signals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedDecisions:
    """What an erasure took out of the log.

    Attributes:
        decisions: Rows removed.
        labels: Labels of those rows, removed with them.
        signals: Signals of those rows, removed with them.
        rewritten: Digest of each file that was replaced or dropped, to the digest of what replaced it
            (None where nothing was left in it).
    """

    decisions: int
    labels: int
    rewritten: dict[str, str | None]
    signals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the log holds of one subject.

    Attributes:
        decisions: Rows.
        labels: Labels of those rows.
        signals: Signals of those rows.
        files: Digests of the sealed files that hold them.
        services: Services that made the decisions.
    """

    decisions: int
    labels: int
    files: tuple[str, ...]
    services: tuple[str, ...]
    signals: int = 0
