"""Pipeline runs as desired state: a row asks for a run, a child process performs it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from towpath.build.compute import run_command
from towpath.build.pipelines.planning.wanting import ENDED_PHASES, WAITING
from towpath.core.errors import BudgetRefused, GateRefused, InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.build.compute import Ended
    from towpath.ledger import Ledger
    from towpath.ledger.records import Intent

log = structlog.get_logger()

_OPEN_PHASES = ("new", "running", WAITING)
_ATTEMPTS_MOST = 4
_FIRST_BACKOFF_S = 2.0
_LONGEST_WAIT_S = 3600.0


class Perform(Protocol):
    """Carries a command out, and says how it ended."""

    def __call__(self, command: Sequence[str], /, *, stop: threading.Event) -> Ended:
        """Return once it ended, or soon after `stop` is set."""
        ...


class PipelineRunReconciler:
    """Performs `pipeline_run` rows, each in a child process that ends with this one.

    Phases: `new` → `running` → `done`, `refused` (a gate said no) or `failed`. A worker that is killed
    takes its child along; whoever claims the row next starts the command again, and the step cache
    makes that a continuation. A run that no budget can pay for before its next period is `waiting`
    until then, or until a cap is changed. Trouble with disk, database or network, and a child that something
    killed, are tried again a few times.

    A step lasts as long as the run does, so give this reconciler a `ControllerLoop` of its own; more
    loops, in threads or processes, mean more runs at once.

    Args:
        ledger: Where the rows are.
        command: Gives the command line for a row. Its last line on standard output must be a JSON
            object with `run`, `status`, `model`, `verdict`, `steps`, `cached` and `error`, and it must
            exit as `towpath run` does: 0 done, 3 refused, 5 worth a retry, anything else failed; 4
            with `resumes_in_s` waits so long.
        stop: Once set, children are ended and their rows given back.
        perform: Carries a command out as `run_command` does, which is what is used when None; a
            `Template`'s `run` saves it the start.
    """

    kinds = ("pipeline_run",)

    def __init__(
        self,
        ledger: Ledger,
        command: Callable[[Intent], Sequence[str]],
        *,
        stop: threading.Event | None = None,
        perform: Perform | None = None,
    ) -> None:
        self._ledger = ledger
        self._command = command
        self._stop = stop or threading.Event()
        self._perform = perform or run_command

    def reconcile(self, held: Intent) -> None:
        """Perform the run, and record how it ended."""
        if held.phase not in _OPEN_PHASES:
            self._advance(held, held.phase, held.status)
            return
        attempt = int(held.status.get("attempt", 0)) + 1
        with self._ledger.write(actor="pipeline_run") as tx:
            held = tx.intents.advance(held, phase="running", status={"attempt": attempt}, keep=True)
        ended = self._perform(self._command(held), stop=self._stop)
        code, said = ended.code, ended.said
        if code is None:
            self._advance(held, "running", {"attempt": attempt - 1}, due_in_s=0)
            return
        status = {**said, "attempt": attempt, "exit_code": code}
        worth_a_retry = code < 0 or code == InfrastructureError.exit_code
        if worth_a_retry and attempt < _ATTEMPTS_MOST:
            wait_s = _FIRST_BACKOFF_S * 4 ** (attempt - 1)
            log.warning("pipeline_run.retried", name=held.name, exit_code=code, in_s=wait_s)
            self._advance(held, "running", status, due_in_s=wait_s)
            return
        if code == BudgetRefused.exit_code and said.get("resumes_in_s") is not None:
            # Finished steps are kept, and no worker stands about until there is money again.
            wait_s = min(float(said["resumes_in_s"]), _LONGEST_WAIT_S)
            log.info("pipeline_run.waits", name=held.name, why=said.get("error"), in_s=wait_s)
            self._advance(held, WAITING, {**status, "attempt": attempt - 1}, due_in_s=wait_s)
            return
        phase = {0: "done", GateRefused.exit_code: "refused"}.get(code, "failed")
        if said.get("status") == "cancelled":
            phase = "cancelled"
        log.info("pipeline_run.ended", name=held.name, phase=phase, exit_code=code)
        self._advance(held, phase, status)

    def _advance(
        self, held: Intent, phase: str, status: dict[str, Any], *, due_in_s: float | None = None
    ) -> None:
        with self._ledger.write(actor="pipeline_run") as tx:
            tx.intents.advance(held, phase=phase, status=status, due_in_s=due_in_s)
            if phase in ENDED_PHASES and "wakes" in held.spec:
                tx.intents.wake(*held.spec["wakes"])
