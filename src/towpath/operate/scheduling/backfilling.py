"""Carries backfills out: so many windows at a time, until each has had its run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import structlog

from towpath.build.pipelines.planning.wanting import ENDED_PHASES, RunRequest, want_run
from towpath.build.pipelines.planning.wanting import KIND as RUN
from towpath.core.clock import parse_time
from towpath.operate.scheduling.windows import fill_in, window

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent

_log = structlog.get_logger(__name__)
KIND = "backfill"
PENDING = "pending"
_MOST = 100_000


class BackfillState(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill's status.

    Attributes:
        begun: Windows below this place have been started once.
        again: Places of windows that are to be started again, in order.
        tries: The number of the try that `again` was drawn up for.
    """

    begun: int = 0
    again: tuple[int, ...] = ()
    tries: int = 1


class BackfillReconciler:
    """Reconciles intents of kind `backfill`: `new` → `running` → `done`, `failed` or `cancelled`.

    How many runs are open is counted anew at each look; runs are put in the transaction that records
    which windows are begun. A run that ends wakes its backfill.

    Args:
        poll_s: Wall time between two looks while runs are going on and none of them ended.
    """

    kinds: tuple[str, ...] = (KIND,)

    def __init__(self, ledger: Ledger, *, poll_s: float = 10.0) -> None:
        self._ledger = ledger
        self._poll_s = poll_s

    def reconcile(self, held: Intent) -> None:
        """Start as many windows as are free to run."""
        spec = held.spec
        with self._ledger.write(actor=f"backfill:{held.name}") as tx:
            state = msgspec.convert(held.status or {}, BackfillState)
            if spec["cancelled"]:
                state = _take_back(tx, held, state)
            elif spec["tries"] > state.tries:
                state = _draw_up(tx, held, state)
            counts = tx.intents.count(RUN, prefix=run_name(held.name))
            going = sum(count for phase, count in counts.items() if phase not in ENDED_PHASES)
            if not spec["cancelled"]:
                free = max(0, spec["parallel"] - going)
                state, started = _start(tx, held, state, free)
                going += started
            phase = _phase(held, state, counts, going)
            tx.intents.advance(
                held,
                phase=phase,
                status=msgspec.to_builtins(state),
                due_in_s=self._poll_s if going else None,
            )
        if phase != held.phase:
            _log.info("backfill.moved", backfill=held.name, before=held.phase, after=phase)


def run_name(backfill: str, index: int | None = None) -> str:
    """Return the name of a window's `pipeline_run`, or what the names of all of them begin with."""
    return f"backfill.{backfill}." + ("" if index is None else f"{index:05d}")


def reason_of(backfill: str) -> str:
    """Return what a backfill's runs give as their reason."""
    return f"backfill:{backfill}"


def _start(
    tx: Transaction, held: Intent, state: BackfillState, free: int
) -> tuple[BackfillState, int]:
    """Start up to `free` windows: first those that are to be run again, then the next ones."""
    again, begun = list(state.again), state.begun
    started = 0
    while started < free and (again or begun < held.spec["windows"]):
        index = again.pop(0) if again else begun
        begun = max(begun, index + 1)
        want_run(tx, run_name(held.name, index), _request(held, index))
        started += 1
    return msgspec.structs.replace(state, again=tuple(again), begun=begun), started


def _request(held: Intent, index: int) -> RunRequest:
    spec = held.spec
    every = timedelta(seconds=spec["every_s"])
    span = window(parse_time(spec["since"]), parse_time(spec["until"]), every, index)
    return RunRequest(
        project=spec["project"],
        pipeline=spec["pipeline"],
        params=fill_in(spec["params"], span),
        code=spec["code"],
        at=span.until,
        pins=spec["pins"],
        candidates=spec["candidates"],
        reason=reason_of(held.name),
        wakes=(KIND, held.name),
    )


def _take_back(tx: Transaction, held: Intent, state: BackfillState) -> BackfillState:
    """Forget the runs that no worker has begun; their windows are pending again."""
    taken: list[int] = []
    for run in tx.intents.list(RUN, prefix=run_name(held.name), phases=["new"], limit=_MOST):
        if run.owner is None:
            tx.intents.delete(RUN, run.name)
            taken.append(_index(run))
    return msgspec.structs.replace(state, again=tuple(sorted({*state.again, *taken})))


def _draw_up(tx: Transaction, held: Intent, state: BackfillState) -> BackfillState:
    """Forget the runs that failed, so that their windows are run again."""
    failed = tx.intents.list(
        RUN, prefix=run_name(held.name), phases=["failed", "cancelled"], limit=_MOST
    )
    for run in failed:
        tx.intents.delete(RUN, run.name)
    again = tuple(sorted({*state.again, *map(_index, failed)}))
    return msgspec.structs.replace(state, again=again, tries=held.spec["tries"])


def _index(run: Intent) -> int:
    return int(run.name.rpartition(".")[2])


def _phase(held: Intent, state: BackfillState, counts: dict[str, int], going: int) -> str:
    if going:
        return "running"
    if state.again or state.begun < held.spec["windows"]:
        return "cancelled" if held.spec["cancelled"] else "running"
    return "failed" if counts.get("failed") or counts.get("cancelled") else "done"


__all__ = ["KIND", "PENDING", "BackfillReconciler", "BackfillState", "reason_of", "run_name"]
