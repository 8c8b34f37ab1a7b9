"""Carries channels out: a cursor in the log, and what people are told before it moves."""

from __future__ import annotations

import os
from datetime import datetime  # noqa: TC003 -- msgspec resolves the annotations
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from towpath.assets.sources.references import expand
from towpath.core.clock import SystemClock
from towpath.core.durations import parse_duration
from towpath.core.errors import Unavailable, UsageError
from towpath.operate.webhooks.channels import CHANNELS, Email, Slack
from towpath.operate.webhooks.chatting import send_chat
from towpath.operate.webhooks.mailing import compose, send_mail
from towpath.operate.webhooks.messages import digest_of, message_of
from towpath.operate.webhooks.news import read_news

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from datetime import timedelta

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Event, Intent
    from towpath.operate.webhooks.messages import Message

_log = structlog.get_logger(__name__)
_BATCH = 50
_POLL_S = 2.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 3600.0
_LATELY = 20
_RANK = {"info": 0, "warning": 1, "critical": 2}


class ChannelState(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's status.

    Attributes:
        cursor: Position in the log up to which people were told.
        sent: Messages sent; `told` events that were in them.
        sent_at: Wall time of the last.
        failures: Tries in a row that came to nothing.
        error: What the last of them met.
        lately: Titles of the last messages, oldest first, with `at` and how many `events` each told.
    """

    cursor: int = -1
    sent: int = 0
    told: int = 0
    sent_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    lately: tuple[dict[str, Any], ...] = ()


class ChannelReconciler:
    """Reconciles intents of kind `channel`, for ever, from the moment each is declared.

    News is told in the log's order. At most one message goes out in a channel's `every`, and says all
    that came meanwhile; so a storm is a few digests. A message is sent outside any transaction, and the
    cursor moves after it: a worker that is killed in between sends it again, under the same id. What
    does not get through is tried again, waiting twice as long each time up to an hour.

    Args:
        ledger: Where the log and the alerts are.
        log: Names the log: the keyring's id.
        environ: Where `${NAME}` is looked up.
        wall: Wall time, by which messages are spaced and alerts escalated.
        trust: Which certificates of mail servers are trusted; the system's by default.
    """

    kinds: tuple[str, ...] = ("channel",)

    def __init__(
        self,
        ledger: Ledger,
        *,
        log: str,
        environ: Mapping[str, str] | None = None,
        wall: Clock | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._ledger = ledger
        self._name = log
        self._environ = os.environ if environ is None else environ
        self._wall = wall or SystemClock()
        self._trust = trust

    def reconcile(self, held: Intent) -> None:
        """Tell what happened since the last step, in one message at most."""
        channel = CHANNELS[held.spec["channel"]].from_spec(held.spec)
        now = self._wall.now()
        with self._ledger.read() as tx:
            state = msgspec.convert(held.status or {}, ChannelState)
            if not held.status:  # what was before the channel existed is not its business
                state = msgspec.structs.replace(state, cursor=tx.events.size() - 1)
            reached, messages, wait_s = self._news(tx, channel, held.project, state.cursor, now)
        rests_s = _rest_s(channel, state, now) if messages else 0.0
        phase = "telling"
        if messages and rests_s > 0:  # too soon after the last message: gather
            reached, wait_s = state.cursor, min(rests_s, _POLL_S)
        elif messages:
            whole = messages[0] if len(messages) == 1 else digest_of(messages, pages=channel.pages)
            try:
                send_message(channel, whole, environ=self._environ, trust=self._trust)
            except (Unavailable, UsageError) as error:
                failures = state.failures + 1
                state = msgspec.structs.replace(state, failures=failures, error=error.message)
                reached, phase = state.cursor, "failing"
                wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures - 1, 20))
                _log.warning("channel.failing", channel=held.name, error=error.message)
            else:
                state = _after(state, whole, len(messages), at=now)
        state = msgspec.structs.replace(state, cursor=reached)
        with self._ledger.write(actor=f"channel:{held.name}") as tx:
            tx.intents.advance(
                held, phase=phase, status=msgspec.to_builtins(state), due_in_s=wait_s
            )

    def _news(
        self, tx: Transaction, channel: Email | Slack, project: str, cursor: int, now: datetime
    ) -> tuple[int, list[Message], float]:
        """Return how far the log was read, what is to be told, and when to look again."""
        after = None if channel.after is None else parse_duration(channel.after)
        messages: list[Message] = []
        news = read_news(tx, channel, project=project, after=cursor, limit=_BATCH)
        for event, is_ours in news:
            if after is not None and now < event.at + after:
                away_s = (event.at + after - now).total_seconds()
                return cursor, messages, min(max(away_s, 0.0), _POLL_S)
            if is_ours and _is_wanted(tx, channel, event, escalated=after is not None):
                messages.append(message_of(tx, event, log=self._name, pages=channel.pages))
            cursor = event.seq
        return cursor, messages, 0.0 if len(news) == _BATCH else _POLL_S


def send_message(
    channel: Email | Slack,
    message: Message,
    *,
    environ: Mapping[str, str],
    trust: ssl.SSLContext | None = None,
) -> None:
    """Send a message by a channel, once.

    Raises:
        Unavailable: It did not get through; worth another try.
        UsageError: A name is not set, or what it is sent to refuses for good.
    """

    def known(text: str) -> str:
        return expand(text, environ)

    if isinstance(channel, Slack):
        send_chat(message, url=known(channel.url), private=channel.private)
        return
    mail = compose(message, sender=known(channel.sender), to=[known(one) for one in channel.to])
    send_mail(
        mail,
        server=known(channel.server),
        user=None if channel.user is None else known(channel.user),
        password=None if channel.password is None else known(channel.password),
        private=channel.private,
        context=trust,
    )


def _is_wanted(tx: Transaction, channel: Email | Slack, event: Event, *, escalated: bool) -> bool:
    """Tell whether an event is severe enough and, if it escalates, still on nobody's hands."""
    if not event.type.startswith("alert."):
        return True
    severity = str(event.payload.get("severity", "warning"))
    if _RANK.get(severity, 1) < _RANK[channel.severity]:
        return False
    row = tx.intents.find("alert", str(event.payload["alert"]))
    return not escalated or (row is not None and row.phase in ("new", "open"))


def _rest_s(channel: Email | Slack, state: ChannelState, now: datetime) -> float:
    if state.sent_at is None:
        return 0.0
    rest: timedelta = state.sent_at + parse_duration(channel.every) - now
    return max(0.0, rest.total_seconds())


def _after(state: ChannelState, message: Message, events: int, *, at: datetime) -> ChannelState:
    one = {"at": at.isoformat(), "title": message.title, "events": events, "id": message.id}
    return msgspec.structs.replace(
        state,
        sent=state.sent + 1,
        told=state.told + events,
        sent_at=at,
        failures=0,
        error=None,
        lately=(*state.lately, one)[-_LATELY:],
    )


__all__ = ["ChannelReconciler", "ChannelState", "send_message"]
