"""What steps print. It may quote anybody: whoever may read a run may read this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLog:
    """What a step printed from one place on, at most 512 KiB of it.

    Attributes:
        run: The step's run.
        step: Its name in the pipeline.
        after: The place to ask from next.
        left_out: Bytes before `text` that are kept no more.
        ended: Whether nothing will follow.
    """

    run: str
    step: str
    text: str
    after: int
    left_out: int
    ended: bool
