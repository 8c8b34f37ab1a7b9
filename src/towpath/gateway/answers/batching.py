"""Adaptive batching: rows of several requests are answered in one call where that is cheaper.

Nobody waits for a timer. What comes in one turn of the event loop, or while the model is at work in its thread,
is answered in the next call, so a batch is as large as the load makes it and a lone request has its own. What
calls cost is measured, not configured, and decides three things: whether rows are answered on the spot, whether
they share a call, and whether the call goes to a thread so that nobody else waits for it.

Clipper (Crankshaw et al., NSDI 2017) sizes batches by a target latency; here the queue sizes them, as in group
commit, because what waits has waited for the call before it and never for more rows.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from towpath.assets.models import join_rows
from towpath.core.errors import IntegrityError
from towpath.gateway.admission import refuse_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from towpath.assets.models import Predictor, Rows

Answers: TypeAlias = "npt.NDArray[np.float64]"
"""One number per row."""

ROWS_MOST: Final = 1024
"""Rows of one joint call; a request of more has a call of its own."""

INLINE_S: Final = 0.002
"""Longest call in the event loop. Python itself lets a thread compute for 5 ms before another has its turn."""

_JOINING_S: Final = 100e-6
"""What it costs to wait for a joint call, to join its rows and to take the answers apart."""

# How much of a difference is learned from one call. What disturbs a call only ever makes it longer, so good
# news counts more than bad, and one call, however long, raises the mean by a tenth at most.
_FASTER: Final = 0.5
_SLOWER: Final = 0.1
_FORGETTING: Final = 0.9995
_SIZES: Final = 64
_TRIED_EVERY: Final = 8
"""Of so many requests one waits for others, as long as none ever came with another."""
_UNMEASURED: Final = 15
"""So many trifling calls are made between two that are measured."""


class CallCosts:
    """Seconds per row of a predictor's calls, by size: a running mean for each power of two.

    A model's call has a fixed part, which many rows share, and a part per row; which one it is decides
    whether batches pay. Nothing is assumed about either.
    """

    def __init__(self) -> None:
        self._per_row_s: list[float | None] = [None] * _SIZES

    def note(self, rows: int, seconds: float) -> None:
        """Take a measured call into account."""
        size = rows.bit_length()
        each = seconds / rows
        known = self._per_row_s[size]
        if known is not None and each < known:
            each = known + _FASTER * (each - known)
        elif known is not None:
            each = known + _SLOWER * (min(each, 2 * known) - known)
        self._per_row_s[size] = each

    def expected_s(self, rows: int) -> float | None:
        """Return what a call of so many rows will take; None before the first call.

        Of a size that was never seen it is what the nearest smaller one says, per row: rather too
        much than too little.
        """
        known = self._per_row_s
        for size in range(rows.bit_length(), 0, -1):
            each = known[size]
            if each is not None:
                return each * rows
        for size in range(rows.bit_length() + 1, _SIZES):
            each = known[size]
            if each is not None:
                return each * (1 << size)
        return None

    def trifling(self) -> int:
        """Return the most rows whose call costs less than to think about it."""
        size = 1
        while size < _SIZES and (each := self._per_row_s[size]) is not None:
            if each * (1 << size) > _JOINING_S:
                break
            size += 1
        return (1 << (size - 1)) - 1

    def joining_pays(self, rows: int) -> bool | None:
        """Tell whether so many rows are answered more cheaply beside others than alone; None: not known.

        Each answer makes the way that is not taken seem a little cheaper, until it is taken and measured
        again: so neither one slow call nor a time without load is held against it for ever.
        """
        known = self._per_row_s
        size = rows.bit_length()
        alone = known[size]
        if alone is None:
            return None
        if alone * rows <= _JOINING_S:
            return False
        for larger in range(size + 1, _SIZES):
            beside = known[larger]
            if beside is not None:
                pays = (alone - beside) * rows > _JOINING_S
                known[size if pays else larger] = (alone if pays else beside) * _FORGETTING
                return pays
        return None


class _Waiting(NamedTuple):
    rows: Rows
    size: int
    by: float | None
    answered: asyncio.Future[Answers]


class Batcher:
    """Answers rows with one predictor. Used from one event loop only.

    At most one of its calls is in a thread at any time, and what comes in the meantime waits for it,
    unless it is quick. Rows never mix: each caller gets the answers of its own, in order, and where a joint
    call fails every caller's rows are asked again by themselves, so that the failure reaches only those
    whom it concerns.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.costs = CallCosts()
        self._predictor = predictor
        self._waiting: deque[_Waiting] = deque()
        self._is_due = False
        self._is_busy = False
        self._unmeasured = 0
        self._alone = 0
        self._trifling = 0

    def answer(self, rows: Rows, by: float | None = None) -> Answers | asyncio.Future[Answers]:
        """Answer rows that the predictor has read: at once, or as a future.

        Args:
            rows: They have been checked.
            by: When nobody needs the answer any more, by the monotonic clock; None: never.

        Raises:
            DeadlineExceeded: That was before the model was asked; from the future as well.
            Exception: Whatever the model raised about these rows; from the future as well.
        """
        count = len(rows)
        if count <= self._trifling and self._unmeasured:
            self._unmeasured -= 1
            answers = self._predictor.answer(rows)
            if len(answers) != count:
                raise self._miscounted(len(answers), count)
            return answers
        if not self._is_worth_waiting(count):
            self._unmeasured = _UNMEASURED
            answers = self._ask(rows, count)
            self._trifling = self.costs.trifling()
            return answers
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answers] = loop.create_future()
        self._waiting.append(_Waiting(rows, count, by, answered))
        if not self._is_busy and not self._is_due:
            self._is_due = True
            loop.call_soon(self._drain)
        return answered

    def _is_worth_waiting(self, count: int) -> bool:
        """Tell whether rows go to a joint call, or to a thread, instead of being answered on the spot."""
        expected_s = self.costs.expected_s(count)
        if expected_s is None or expected_s > INLINE_S:
            return True
        pays = self.costs.joining_pays(count)
        if pays is None:  # nobody came beside it yet: see now and then whether somebody does
            self._alone = (self._alone + 1) % _TRIED_EVERY
            return not self._alone
        return pays

    def _ask(self, rows: Rows, count: int) -> Answers:
        """Ask the predictor, and note what it cost."""
        begun = time.perf_counter()
        answers = self._predictor.answer(rows)
        self.costs.note(count, time.perf_counter() - begun)
        if len(answers) != count:
            raise self._miscounted(len(answers), count)
        return answers

    def _miscounted(self, answers: int, rows: int) -> IntegrityError:
        """Return the refusal of answers of which nobody knows whose they are."""
        package = self._predictor.package
        return IntegrityError(
            f"the model package {package} gave {answers} answers to {rows} rows", digest=package
        )

    def _drain(self) -> None:
        """Make one call of what waits; the next follows when it is over."""
        self._is_due = False
        batch = self._next()
        if not batch:
            return
        loop = asyncio.get_running_loop()
        expected_s = self.costs.expected_s(sum(one.size for one in batch))
        if expected_s is not None and expected_s <= INLINE_S:
            _settle(batch, self._ask_all(batch))
            self._go_on(loop)
            return
        self._is_busy = True
        asked = loop.run_in_executor(None, self._ask_all, batch)

        def done(asked: asyncio.Future[list[Answers | Exception]]) -> None:
            self._is_busy = False
            if asked.cancelled():  # the loop is ending
                for one in batch:
                    one.answered.cancel()
                return
            _settle(batch, asked.result())
            self._go_on(loop)

        asked.add_done_callback(done)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            loop.call_soon(self._drain)

    def _next(self) -> list[_Waiting]:
        """Take from the queue what the next call answers; those whom nobody waits for are left out."""
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting:
            one = self._waiting[0]
            if batch and rows + one.size > ROWS_MOST:
                break
            self._waiting.popleft()
            if one.answered.done():
                continue
            try:
                refuse_late(one.by)
            except Exception as error:  # noqa: BLE001 - whatever refuses it, its caller hears of it
                one.answered.set_exception(error)
                continue
            batch.append(one)
            rows += one.size
        return batch

    def _ask_all(self, batch: Sequence[_Waiting]) -> list[Answers | Exception]:
        """Return each caller's answers, or what went wrong with its rows. May run in a thread."""
        if len(batch) == 1:
            try:
                return [self._ask(batch[0].rows, batch[0].size)]
            except Exception as error:  # noqa: BLE001 - it is raised where the caller waits
                return [error]
        try:
            answers = self._ask(
                join_rows([one.rows for one in batch]), sum(one.size for one in batch)
            )
        except Exception:  # noqa: BLE001 - each caller is told of its own rows only
            return [self._ask_all([one])[0] for one in batch]
        found: list[Answers | Exception] = []
        begin = 0
        for one in batch:
            found.append(answers[begin : begin + one.size])
            begin += one.size
        return found


def _settle(batch: Sequence[_Waiting], found: Sequence[Answers | Exception]) -> None:
    """Hand each caller what is its own."""
    for one, answers in zip(batch, found, strict=True):
        if one.answered.done():  # nobody waits for it any more
            continue
        if isinstance(answers, Exception):
            one.answered.set_exception(answers)
        else:
            one.answered.set_result(answers)
