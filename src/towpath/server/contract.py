"""What the server is given: the parts of an open home that it reads, and the one desk that it writes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.assets.cases import RegressionCases
    from towpath.assets.datasets.history import DatasetHistory
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.operate.labelling import LabelDesk
    from towpath.operate.triggers import EventInbox
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.audit import AuditedDecisions
    from towpath.trace.erasure.contract import Erasures
    from towpath.trace.explaining import DecisionExplainer, Replayer
    from towpath.trace.incidents import Incidents
    from towpath.trace.lineage import RowTracer, Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficCount:
    """Decisions of one service in one bin of event time that one model answered."""

    at: datetime
    model: str
    count: int
    errors: int


class TrafficCounter(Protocol):
    """Counts decisions without looking at what was asked or answered. Thread-safe."""

    def count(self, service: str, *, bin_s: int) -> list[TrafficCount]:
        """Return counts per bin of event time and model, ordered by bin."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of an open home that the server works with.

    Attributes:
        environment: The environment whose traffic is shown.
        clock: Event time.
        traffic: Counts decisions; None leaves served counts out.
        decisions: Shows decisions, and records that it did; None shows none.
        history: Compares versions of data sets; None compares none.
        labels: Where people judge decisions, the one thing that is written to; None has no queues.
        inbox: Takes events from outside; None takes none.
        replayer: Asks recorded models again; None replays nothing.
        explainer: Explains recorded decisions; None explains none.
        rows: Follows rows of data sets; None follows none.
        incidents: Opens incidents and looks into them; None has none.
        cases: Regression cases that releases are held to; None has none.
    """

    ledger: Ledger
    blobs: BlobStore
    keyring: Keyring
    clock: Clock
    environment: str
    tracer: Tracer
    erasures: Erasures
    traffic: TrafficCounter | None = None
    decisions: AuditedDecisions | None = None
    history: DatasetHistory | None = None
    labels: LabelDesk | None = None
    inbox: EventInbox | None = None
    replayer: Replayer | None = None
    explainer: DecisionExplainer | None = None
    rows: RowTracer | None = None
    incidents: Incidents | None = None
    cases: RegressionCases | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may call.

    Attributes:
        token: The bearer token every API call must carry; empty for none.
        hosts: Names that the `Host` header may carry besides loopback's while there is no token, so
            that a page elsewhere can't reach the API through DNS rebinding.
        events_token: The bearer token that senders of events must carry; empty: none is taken.
    """

    token: str = ""
    hosts: tuple[str, ...] = ()
    events_token: str = ""


__all__ = ["Access", "Services", "TrafficCount", "TrafficCounter"]
