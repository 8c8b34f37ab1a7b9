"""The program: its commands, and what becomes of errors."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError

from towpath import __version__
from towpath.cli.logs import configure_logs
from towpath.cli.printing import err
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# Steps, runs and roles share a machine. OpenMP's threads, LightGBM's for one, spin while they wait for one
# another, and keep the cores from whoever would work: where there are fewer cores than threads, training
# took 20 times the processor time. It is read as the library loads, and inherited by all that is started.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_USAGE = 2
_INTERRUPTED = 130

app = App(
    name="towpath",
    help="Machine-learning assets, forward to production and back to the rows that made a decision.",
    version=__version__,
    help_format="plaintext",
)
# Commands are named, not imported: starting one role must not cost what loading all of them does.
_COMMANDS = (
    ("init", "projects:init", "Make a project that runs, to start from."),
    ("run", "running:app", "Run a pipeline here and now; finished steps are not redone."),
    ("apply", "projects:apply_project", "Make what is live equal to what the project declares."),
    ("up", "roles:up", "Run server, gateway and worker in one process tree."),
    ("demo", "demo:demo", "The whole loop on a year of real flights."),
    ("doctor", "doctor:doctor", "Is everything there, and does it answer?"),
    ("trace", "lineage:trace", "The whole way back from a decision, version or run."),
    ("impact", "lineage:impact", "Everything that depends on a version or run."),
    ("erase", "erasures:erase", "Fulfil a withdrawal, from plan to certificate."),
    ("dataset", "datasets:app", "Versions of tables: add, list, show, read."),
    ("files", "files:app", "Versions of folders of files: add, list, checkout, diff."),
    ("feature", "features:app", "Feature views and services: list, build, join, materialize, get."),
    ("search", "searches:app", "Searches of settings: list, show, best."),
    ("model", "models:app", "Model versions: list, show, report, card, verify."),
    ("release", "releases:release", "What goes to production as one: check, deploy, roll back."),
    ("service", "services:service", "Services, and the versions of programs that ask them."),
    ("rollout", "rollouts:app", "Champion against challenger."),
    ("monitor", "production:monitor", "What is watched, and what it found."),
    ("alert", "alerts:app", "What monitors found, and what was done about it."),
    (
        "incident",
        "incidents:app",
        "Wrong answers, what caused them, and that they don't come again.",
    ),
    ("decision", "decisions:app", "Recorded predictions."),
    ("subject", "subjects:app", "What is held of a person, for that person."),
    ("label", "labels:app", "Labels that people give to decisions."),
    ("backfill", "backfills:app", "A pipeline over windows of the past."),
    ("schedule", "starts:schedule", "Pipelines that run at set times."),
    ("trigger", "starts:trigger", "Pipelines that run when something happens."),
    ("webhook", "webhooks:app", "Who is told what happens: list, show, test, resume."),
    ("artifact", "artifacts:app", "What steps gave: a look into it."),
    ("logs", "following:logs", "What a run's steps printed, or are printing."),
    ("runs", "audit:list_runs", "Executions, newest first."),
    ("erasure", "erasures:erasure", "Withdrawals, and how far they are."),
    ("budget", "budgets:app", "What may be spent, what was, and what waits for it."),
    ("audit", "audit:app", "The event log: read, sign, verify."),
    (
        "export",
        "exports:app",
        "For other platforms: KServe, SageMaker, Ray Serve, Airflow, Kubeflow.",
    ),
    ("bundle", "bundles:app", "A service's champion as a folder: create, install."),
    ("server", "roles:server", "Serve the pages and the API."),
    ("gateway", "gateways:gateway", "Answer predictions."),
    ("worker", "roles:worker", "Run the controllers."),
)
for _order, (_name, _place, _help) in enumerate(_COMMANDS):
    app.command(f"towpath.cli.{_place}", name=_name, help=_help, sort_key=_order)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 failed, 2 usage, 3 a gate refused, 4 a budget refused, 5 infrastructure (worth a retry).
    """
    configure_logs()
    try:
        with _uncollected():
            command, bound, _ = app.parse_args(
                argv, exit_on_error=False, print_error=False, error_console=err
            )
        result = command(*bound.args, **bound.kwargs)
    except CycloptsError as error:
        err.print(f"[red]usage[/red] {error}")
        return _USAGE
    except TowpathError as error:
        err.print(f"[red]{error.code}[/red] ", end="")
        err.print(str(error), markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


@contextmanager
def _uncollected() -> Generator[None]:
    """Collect no garbage while a command's modules are imported.

    Nearly all that they make stays. To look through it again each time that it has grown takes a tenth of
    the time in which a gateway is up.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
