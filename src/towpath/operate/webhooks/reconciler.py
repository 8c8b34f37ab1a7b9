"""Carries webhooks out: a cursor in the log, and what is told before it moves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.assets.sources.references import expand
from towpath.core.clock import SystemClock
from towpath.core.errors import Unavailable, UsageError
from towpath.operate.webhooks.declaration import Webhook
from towpath.operate.webhooks.news import read_news
from towpath.operate.webhooks.sending import cloud_event, send
from towpath.operate.webhooks.state import WebhookState

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Event, Intent

_log = structlog.get_logger(__name__)
_BATCH = 50
_POLL_S = 2.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 3600.0
_GONE = 410


class WebhookReconciler:
    """Reconciles intents of kind `webhook`, for ever, from the moment each is declared.

    Events are sent outside any transaction, and the cursor moves after them: a worker that is killed in
    between sends a few again, under the same ids. What does not answer is tried again and again, waiting
    twice as long each time up to an hour, and nothing overtakes it. A refusal (4xx) settles an event;
    410 ends the webhook until its declaration changes.

    Args:
        ledger: Where the log is.
        log: Names the log: the keyring's id.
        stop: Once set, the step under way ends after the event that is being sent.
        environ: Where `${NAME}` is looked up.
        wall: Wall time, at which answers are noted.
    """

    kinds: tuple[str, ...] = ("webhook",)

    def __init__(
        self,
        ledger: Ledger,
        *,
        log: str,
        stop: threading.Event,
        environ: Mapping[str, str] | None = None,
        wall: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._name = log
        self._stop = stop
        self._environ = os.environ if environ is None else environ
        self._wall = wall or SystemClock()

    def reconcile(self, held: Intent) -> None:
        """Send what happened since the last step."""
        webhook = Webhook.from_spec(held.spec)
        with self._ledger.read() as tx:
            state = msgspec.convert(held.status or {}, WebhookState)
            if not held.status:  # what was before the webhook existed is not its business
                state = msgspec.structs.replace(state, cursor=tx.events.size() - 1)
            news = read_news(tx, webhook, project=held.project, after=state.cursor, limit=_BATCH)
        phase, wait_s = "sending", 0.0 if len(news) == _BATCH else _POLL_S
        for event, is_ours in news:
            if self._stop.is_set():
                break
            if not is_ours:
                state = state.passed(event)
                continue
            try:
                code = self._send(webhook, event, held.project)
            except (Unavailable, UsageError) as error:
                state = state.failed(error.message)
                wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(state.failures - 1, 20))
                phase = "failing"
                _log.warning("webhook.failing", webhook=held.name, error=error.message)
                break
            if code == _GONE:
                phase = "gone"
                break
            state = state.settled(event, code, at=self._wall.now())
        with self._ledger.write(actor=f"webhook:{held.name}") as tx:
            tx.intents.advance(
                held,
                phase=phase,
                status=msgspec.to_builtins(state),
                due_in_s=None if phase == "gone" else wait_s,
            )

    def _send(self, webhook: Webhook, event: Event, project: str) -> int:
        return send(
            cloud_event(event, project=project, log=self._name),
            url=expand(webhook.url, self._environ),
            secret=expand(webhook.secret, self._environ),
            private=webhook.private,
            mode=webhook.mode,
        )


__all__ = ["WebhookReconciler"]
