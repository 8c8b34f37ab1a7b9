"""`tp.checkpoint`: a long step saves where it is, and goes on from there after it was stopped.

The saved bytes lie in an area of the blob store that is theirs alone. They belong to the step's cache
key: whoever computes the same thing next, after a preemption, a crash or in another run, finds them;
other code, inputs or parameters are another key and start afresh. When the step ends they go.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from towpath.build.capacity.states import decode_state, encode_state
from towpath.core.errors import IntegrityError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from towpath.storage.blobs import BlobStore

log = structlog.get_logger()
AREA = "checkpoints"
"""Area of the blob store that holds nothing but saved states."""


@dataclass(slots=True)
class _Slot:
    """Where the step that runs here saves its state."""

    key: str
    blobs: BlobStore
    emit: Callable[[dict[str, Any]], None]
    found: str | None
    wanted: bool = False


_slot: ContextVar[_Slot | None] = ContextVar("towpath_checkpoint_slot", default=None)


class Checkpoint:
    """Saves where a step is: call it with the state, ask `saved` for the last one.

    A step that is declared with `checkpoint=True` may be stopped to make room for a higher priority.
    It is told by a signal, and has its grace to save once more:

        state = tp.checkpoint.saved()
        for epoch in range(0 if state is None else state["epoch"], 100):
            ...
            tp.checkpoint({"epoch": epoch + 1, "weights": weights})

    Outside of a run, calls do nothing and there is never anything saved.
    """

    def __call__(self, state: object) -> None:
        """Save the state, durably, in place of the one before.

        Where the step was asked to stop, it ends here: the call does not return.

        Args:
            state: Bytes, numbers, text, numpy arrays, and lists and dicts of them. It may hold
                personal data: it is kept like the step's inputs, and an erasure takes it away.

        Raises:
            UsageError: It holds something else.
        """
        slot = _slot.get()
        if slot is None:
            return
        data = encode_state(state, owner=slot.key)
        digest = slot.blobs.put(data)
        slot.emit({"checkpoint": [digest, len(data)]})
        if slot.wanted:
            _stop()

    def saved(self) -> Any:
        """Return the state that was saved last; None where there is none, or it is gone."""
        slot = _slot.get()
        if slot is None or slot.found is None:
            return None
        try:
            return decode_state(slot.blobs.get(slot.found))
        except (NotFound, IntegrityError) as error:
            log.warning("checkpoint.unreadable", code=error.code)
            return None

    @property
    def wanted(self) -> bool:
        """Whether the step was asked to stop: save now, and as little as it takes."""
        slot = _slot.get()
        return slot is not None and slot.wanted


checkpoint = Checkpoint()
"""What project files call."""


@contextmanager
def checkpointing(
    key: str, blobs: BlobStore, emit: Callable[[dict[str, Any]], None], *, found: str | None
) -> Generator[None]:
    """Let the step in this block save its state.

    In the main thread of a process, SIGTERM is taken for the wish that the step stops.

    Args:
        key: Digest of the step's cache key.
        blobs: The project's blob store; states go to an area of it.
        emit: Told of every saved state, as `{"checkpoint": [digest, size in bytes]}`.
        found: Digest of the state that was saved last.
    """
    slot = _Slot(key, blobs.area(AREA), emit, found)

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        slot.wanted = True

    takes_signals = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, ask) if takes_signals else None
    token = _slot.set(slot)
    try:
        yield
    finally:
        _slot.reset(token)
        if takes_signals:
            signal.signal(signal.SIGTERM, before)


def _stop() -> None:
    """End this process as SIGTERM ends one that does not save."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()  # the signal may reach another thread of the process first
