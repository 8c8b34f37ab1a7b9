"""Webhooks: who is told what happens here, and how far each has been told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from towpath.server.resources.events import LogEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """An event that the other side has settled.

    Attributes:
        seq: Its number in the log.
        at: When it was answered, by wall time.
        code: The answer's HTTP status.
        taken: Whether that means that it was taken (2xx); a refusal is not sent again.
    """

    seq: int
    type: str
    subject: str
    at: datetime
    code: int
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookListed:
    """A webhook, and where it stands.

    Attributes:
        url: As it was declared; `${NAME}` is taken from the worker's environment.
        events: Types of the log's entries that it is told.
        state: `new` until it was carried out once, then `sending`, `failing` while nothing gets through,
            or `gone` once the other side said that it is.
        sent: How many events were taken.
        refused: How many were refused.
        failures: Tries in a row that came to nothing.
        error: What the last of them met.
        next_at: Wall time of the next try, while it is failing.
        waiting: Events that it has still to tell, oldest first; the first fifty at most.
        deliveries: The last that were settled, newest first.
    """

    name: str
    project: str
    url: str
    events: list[str]
    state: str
    sent: int
    refused: int
    failures: int
    error: str | None
    next_at: datetime | None
    waiting: list[LogEvent]
    deliveries: list[WebhookDelivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """A message that people were sent.

    Attributes:
        at: Wall time.
        events: How many entries of the log it told of.
    """

    at: datetime
    title: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelListed:
    """A channel to people, and where it stands.

    Attributes:
        channel: `email` or `slack`.
        events: Types of the log's entries that it is told.
        severity: Alerts of less are left out.
        after: How long an alert must be on nobody's hands first; None: it is told at once.
        state: `new` until it was carried out once, then `telling`, or `failing` while nothing gets through.
        sent: Messages sent; `told` entries that were in them.
        failures: Tries in a row that came to nothing.
        error: What the last of them met.
        messages: The last messages, newest first.
    """

    name: str
    project: str
    channel: str
    events: list[str]
    severity: str
    after: str | None
    state: str
    sent: int
    told: int
    failures: int
    error: str | None
    messages: list[ChannelMessage]
