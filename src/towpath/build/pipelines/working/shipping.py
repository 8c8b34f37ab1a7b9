"""Sends what running steps print to the ledger, so that any machine can show it while it is printed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import structlog

from towpath.core.errors import TowpathError
from towpath.ledger.logs import KEPT_BYTES, LogPart

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger

log = structlog.get_logger()

_EVERY_S = 1.0
_PIECE_BYTES = 64 * 1024
_KEPT_FOR = timedelta(days=7)


@dataclass(slots=True)
class _Shipment:
    path: Path
    sent: int = 0


class LogShipper:
    """Looks once a second at the files that steps print to, and sends what is new in one transaction.

    What is quicker than that costs nothing: it is kept as a blob when it ends, as everything is. A step
    that prints faster than it is sent has the older part left out. Use it as a context manager.

    Args:
        ledger: Where to.
        every_s: Wall time between two looks.
    """

    def __init__(self, ledger: Ledger, *, every_s: float = _EVERY_S) -> None:
        self._ledger = ledger
        self._every_s = every_s
        self._shipments: dict[str, _Shipment] = {}
        self._dropped: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-shipper", daemon=True)

    def hold(self, run_id: str, path: Path) -> None:
        """Begin to send what a run prints to a file, which need not exist yet."""
        with self._lock:
            self._shipments[run_id] = _Shipment(path)

    def let_go(self, run_id: str, *, kept: bool) -> None:
        """Stop sending. With `kept`, what was sent is deleted, since the whole output is a blob now;
        without, the rest is sent, so that whoever follows it reads to the end.

        Costs nothing where nothing was sent. Trouble with the ledger is left to the pruning.
        """
        with self._lock:
            shipment = self._shipments.pop(run_id, None)
            if shipment is None or not shipment.sent:
                return
            if kept:
                self._dropped.add(run_id)
        try:
            with self._ledger.write(actor="pipelines") as tx:
                if kept:
                    tx.logs.drop([run_id])
                while not kept and (part := _news(shipment)) is not None:
                    tx.logs.append({run_id: part})
                    shipment.sent = part.ends
        except TowpathError as error:
            log.warning("log.not_settled", run=run_id, code=error.code)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        prune = True
        while not self._stop.wait(self._every_s):
            try:
                self._send(prune=prune)
                prune = False
            except TowpathError as error:
                log.warning("log.not_sent", code=error.code)

    def _send(self, *, prune: bool) -> None:
        with self._lock:
            parts = {
                run_id: part for run_id, one in self._shipments.items() if (part := _news(one))
            }
            for run_id, part in parts.items():
                self._shipments[run_id].sent = part.ends
        if not parts:
            return
        with self._ledger.write(actor="pipelines") as tx:
            tx.logs.append(parts)
            if prune:
                tx.logs.prune(datetime.now(UTC) - _KEPT_FOR)
        with self._lock:  # what was let go of while this was written came too late to be dropped
            late = [run_id for run_id in parts if run_id in self._dropped]
            self._dropped.clear()
        if late:
            with self._ledger.write(actor="pipelines") as tx:
                tx.logs.drop(late)


def _news(one: _Shipment) -> LogPart | None:
    """Return what a file holds beyond what was sent, if anything, and not more than will be kept."""
    try:
        with one.path.open("rb") as file:
            size = file.seek(0, 2)
            begins = max(one.sent, size - KEPT_BYTES)
            file.seek(begins)
            data = file.read(_PIECE_BYTES if begins == one.sent else KEPT_BYTES)
    except OSError:
        return None
    return LogPart(begins=begins, data=data) if data else None
