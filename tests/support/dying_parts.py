"""A ledger and blobs that die at the n-th time that they touch the world.

In this process, death is an exception that nothing catches, and every further touch raises it again:
what a dying process would clean up, a dead one can't. In a child, it is kill -9. A count of the touches
enumerates every moment to die at.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Died(BaseException):
    """The process is gone."""


class Mortality:
    """When to die: at touch number `moment`, from 1.

    Attributes:
        touches: How often the world was touched.
    """

    def __init__(self, moment: int, *, for_real: bool = False) -> None:
        self._moment = moment
        self._for_real = for_real
        self.touches = 0

    def touch(self) -> None:
        """Touch the world, or die."""
        self.touches += 1
        if self.touches >= self._moment:
            if self._for_real:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Died

    def blobs(self, blobs: Any) -> Any:
        """Return blobs whose writes and deletions touch the world."""
        return _Blobs(blobs, self)

    def ledger(self, ledger: Any) -> Any:
        """Return a ledger whose transactions touch it as they begin, and before they commit."""
        return _Ledger(ledger, self)


class _Blobs:
    def __init__(self, blobs: Any, life: Mortality) -> None:
        self._blobs = blobs
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put(self, data: bytes) -> str:
        self._life.touch()
        return self._blobs.put(data)

    def delete(self, digest: str) -> bool:
        self._life.touch()
        return self._blobs.delete(digest)


class _Ledger:
    def __init__(self, ledger: Any, life: Mortality) -> None:
        self._ledger = ledger
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @contextmanager
    def write(self, **options: Any) -> Iterator[Any]:
        self._life.touch()
        with self._ledger.write(**options) as tx:
            yield tx
            self._life.touch()
