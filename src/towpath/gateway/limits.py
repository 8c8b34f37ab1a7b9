"""How much a gateway takes on at a time, and how long anything may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one worker.

    Attributes:
        body_bytes: The longest body.
        connections: Open connections; more wait in the listening socket's queue.
        in_flight: Requests being answered at a time; further ones are refused, with when to come back.
        in_flight_per_service: The same for one service, so that a slow one leaves room for others.
        deadline_s: How long a request may take that says nothing of it; None: as long as it does.
        start_s: How long connections wait, at the start, while models are opened; after that they are
            taken and told that nothing is there. Where it is known before that there is nothing to wait
            for, they are told at once.
        idle_s: How long a connection may be silent between requests.
        read_s: How long a request may take from its first byte to its last.
        write_s: How long a caller may leave an answer unread.
        linger_s: How long a gateway that was told to stop goes on taking connections, while it says that
            it is not ready: time for balancers to look elsewhere.
        handover_s: How long it then waits for callers with open connections to say one thing more, to be
            told that the connection ends with it.
        drain_s: How long requests under way may take after that.
    """

    body_bytes: int = 16 << 20
    connections: int = 8192
    in_flight: int = 1024
    in_flight_per_service: int = 1024
    deadline_s: float | None = None
    start_s: float = 0.0
    idle_s: float = 75.0
    read_s: float = 30.0
    write_s: float = 30.0
    linger_s: float = 0.0
    handover_s: float = 0.0
    drain_s: float = 10.0

    @property
    def ending_s(self) -> float:
        """The longest that an ending takes."""
        return self.linger_s + self.handover_s + self.drain_s
