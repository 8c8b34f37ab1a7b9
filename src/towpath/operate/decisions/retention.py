"""Removes decisions that are older than their service keeps them: whole files, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from towpath.core.errors import Conflict
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.partitions import time_part
from towpath.operate.decisions.policy import keep_for
from towpath.operate.decisions.shelf import SegmentShelf
from towpath.operate.decisions.streams import DECISIONS, KEYED, LABELS, SIGNALS, service_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent, Segment
    from towpath.storage.blobs.contract import BlobStore

KIND: Final = "decision_retention"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """What one pass removed from one stream."""

    stream: str
    partitions: tuple[str, ...]
    files: tuple[str, ...]
    rows: int


class Retention:
    """Removes files whose newest row is older than `Logging.keep_for` says. Safe to kill anywhere.

    A file goes as a whole, with its bytes, once nothing in it is to be kept: a row stays at most one
    partition (an hour, a day or a month of event time, as its service is busy) longer than declared.
    Signals by key go with their service's decisions. Labels and signals by id, which name no service,
    go when every service that has decisions says how long, after the longest of those times. The event
    `decisions.expired` says what went.

    It is the reconciler of the intent `decision_retention/all`. A removal that meets a compaction of
    another machine gives way, and is made by a later pass.

    Args:
        directory: The folder of raw segments of this machine, under whose lock files are swapped.
        clock: Event time.
        every_s: How long to wait between passes.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        directory: Path,
        clock: Clock,
        *,
        every_s: float = 60.0,
    ) -> None:
        self._ledger = ledger
        self._directory = SegmentDirectory(directory)
        self._shelf = SegmentShelf(ledger, blobs, self._directory)
        self._clock = clock
        self._every_s = every_s

    def declare(self, tx: Transaction) -> None:
        """Ask for retention to be looked after, once and for all."""
        tx.intents.put(KIND, "all", project="towpath", spec={})

    def reconcile(self, held: Intent) -> None:
        """Make one pass, and be called again."""
        try:
            expired = self.expire()
        except Conflict:
            expired = []
        with self._ledger.write() as tx:
            status = {"rows": sum(one.rows for one in expired)}
            tx.intents.advance(held, phase="running", status=status, due_in_s=self._every_s)

    def expire(self) -> list[Expired]:
        """Remove what is due.

        Raises:
            Conflict: Another machine replaced one of the files meanwhile; what went before stays gone.
        """
        now = self._clock.now()
        with self._ledger.read() as tx:
            kept = {one.name: keep_for(one.spec) for one in tx.intents.list("service")}
        done: list[Expired] = []
        with self._directory.exclusively():
            self._shelf.sweep()
            for stream, files in _due(self._shelf.listed(), kept, now).items():
                expired = Expired(
                    stream=stream,
                    partitions=tuple(sorted({time_part(one.partition) for one in files})),
                    files=tuple(one.digest for one in files),
                    rows=sum(one.rows for one in files),
                )
                payload: dict[str, object] = {
                    "stream": stream,
                    "partitions": list(expired.partitions),
                    "files": list(expired.files),
                    "rows": expired.rows,
                    "until": max(one.until for one in files).isoformat(),
                }
                self._shelf.replace([], retire=files, event=("decisions.expired", payload))
                _log.info("decisions.expired", stream=stream, rows=expired.rows)
                done.append(expired)
        return done


def _due(
    files: Sequence[Segment], kept: Mapping[str, timedelta | None], now: datetime
) -> dict[str, list[Segment]]:
    """Return the files to remove, by stream."""
    recorded = {_owner(one.stream) for one in files if one.stream.startswith(DECISIONS)}
    spans = [kept.get(service) for service in recorded]
    known = [span for span in spans if span is not None]
    longest = max(known) if known and len(known) == len(spans) else None
    due: dict[str, list[Segment]] = {}
    for one in files:
        span = longest if one.stream in {LABELS, SIGNALS} else None
        if one.stream.startswith((DECISIONS, KEYED)):
            span = kept.get(_owner(one.stream))
        if span is not None and one.until < now - span:
            due.setdefault(one.stream, []).append(one)
    return due


def _owner(stream: str) -> str:
    """Return the service that says how long; `board~shadow` is what saw a copy of board's traffic."""
    return service_of(stream).partition("~")[0]
