"""Keeps the claims on cache keys alive while their steps run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import structlog

from towpath.core.errors import FenceLost, TowpathError

if TYPE_CHECKING:
    from towpath.ledger import Ledger

log = structlog.get_logger()


class LeaseKeeper:
    """Renews claims from a thread of its own, so that neither a long callback nor a judge that takes
    its time lets one lapse. Use it as a context manager.

    Args:
        ledger: Where the claims are.
        lease_s: How long a claim outlives its holder.
    """

    def __init__(self, ledger: Ledger, lease_s: float) -> None:
        self.lease_s = lease_s
        self._ledger = ledger
        self._fences: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def hold(self, key: str, fence: int) -> None:
        """Begin to renew a claim."""
        with self._lock:
            self._fences[key] = fence

    def let_go(self, key: str) -> int | None:
        """Stop renewing a claim; return its fence, None where it was lost or never held."""
        with self._lock:
            return self._fences.pop(key, None)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self.lease_s / 3):
            with self._lock:
                held = dict(self._fences)
            for key, fence in held.items():
                self._renew(key, fence)

    def _renew(self, key: str, fence: int) -> None:
        try:
            with self._ledger.write(actor="pipelines") as tx:
                tx.cache.renew(key, fence=fence, lease_s=self.lease_s)
        except FenceLost:
            with self._lock:
                if self._fences.get(key) == fence:
                    del self._fences[key]
        except TowpathError as error:
            log.warning("lease.not_renewed", key=key, code=error.code)
