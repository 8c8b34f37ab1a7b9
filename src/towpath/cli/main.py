"""The program: its commands, and what becomes of errors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError

from towpath import __version__
from towpath.cli import audit, datasets, models, production, projects, reverse, roles
from towpath.cli.demo import demo
from towpath.cli.doctor import doctor
from towpath.cli.logs import configure_logs
from towpath.cli.printing import err
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = 2
_INTERRUPTED = 130

app = App(
    name="towpath",
    help="Machine-learning assets, forward to production and back to the rows that made a decision.",
    version=__version__,
    help_format="plaintext",
)
for name, command in {
    "init": projects.init,
    "apply": projects.apply_project,
    "run": projects.run,
    "up": roles.up,
    "server": roles.server,
    "gateway": roles.gateway,
    "worker": roles.worker,
    "trace": reverse.trace,
    "impact": reverse.impact,
    "erase": reverse.erase,
    "runs": audit.list_runs,
    "demo": demo,
    "doctor": doctor,
}.items():
    app.command(command, name=name)
for group in (
    datasets.app,
    models.app,
    production.release,
    production.rollout,
    production.monitor,
    production.decision,
    reverse.erasure,
    audit.app,
):
    app.command(group)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 failed, 2 usage, 3 a gate refused, 4 a budget refused, 5 infrastructure (worth a retry).
    """
    configure_logs()
    try:
        result = app(
            argv,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            error_console=err,
        )
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
