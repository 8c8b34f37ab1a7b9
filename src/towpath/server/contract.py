"""What the server is given: the parts of a running home it reads from. It writes to none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficCount:
    """Decisions of one service in one bin of event time that one model answered."""

    at: datetime
    model: str
    count: int
    errors: int


class TrafficCounter(Protocol):
    """Counts decisions without reading their inputs. Thread-safe."""

    def count(
        self, service: str, *, since: datetime | None, until: datetime | None, bin_s: int
    ) -> list[TrafficCount]:
        """Return counts per bin and model, ordered by bin, for event times in [since, until)."""
        ...


class DecisionTracer(Protocol):
    """Walks the whole way back from one decision. Thread-safe; the read is audited."""

    def __call__(self, decision_id: str, *, actor: str) -> dict[str, Any]:
        """Return the trace as JSON, root first, without inputs or subject values.

        Raises:
            NotFound: There is no such decision.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of an open home that the server reads.

    Attributes:
        environment: The environment whose traffic is shown.
        clock: Event time.
        traffic: Counts decisions; None leaves served counts out.
        tracer: Traces decisions; None answers that part with 404.
    """

    ledger: Ledger
    blobs: BlobStore
    keyring: Keyring
    clock: Clock
    environment: str
    traffic: TrafficCounter | None = None
    tracer: DecisionTracer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How the server listens.

    Attributes:
        host: Address to bind. Anything but loopback needs a `token`.
        port: 0 takes a free one.
        token: The bearer token every API call must then carry.
        allowed_hosts: Names that the `Host` header may carry besides the address bound, so that a
            page elsewhere can't reach the API through DNS rebinding.
        serve_ui: Whether `/` serves the web UI.
    """

    host: str = "127.0.0.1"
    port: int = 7310
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    serve_ui: bool = True


__all__ = ["DecisionTracer", "ServerSettings", "Services", "TrafficCount", "TrafficCounter"]
